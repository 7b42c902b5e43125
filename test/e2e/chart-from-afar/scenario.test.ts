import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { type ChartServer, startChartRepository, startRegistry } from "../../support/chartServers.ts";
import { chartFixture, type Release } from "../../support/release.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

type From = "repository" | "registry";

let scenario: Scenario;
let server: ChartServer;
let web: Release;
let env: Readonly<Record<string, string>>;

/** `web` is installed, and the same chart lies on a server. */
async function begin(from: From, major: 3 | 4): Promise<void> {
  scenario = await openScenario(import.meta.dirname, { helm: major });
  web = await scenario.install("web", "web", { token: canary("old") });
  const charts = join(scenario.dir, "served");
  mkdirSync(charts);
  await scenario.helm(["package", chartFixture("web"), "--destination", charts]);
  const archive = join(charts, readdirSync(charts)[0]!);
  if (from === "repository") {
    server = await startChartRepository(charts);
    await scenario.helm(["repo", "index", charts, "--url", server.url]);
    env = {};
    configure(chartOf(from, "web"));
  } else {
    server = await startRegistry(scenario.dir, major);
    await scenario.helm(["push", archive, server.url, "--ca-file", server.caFile!]);
    env = { SSL_CERT_FILE: server.caFile! };
    configure(chartOf(from, "web"));
  }
}

function configure(chart: string): void {
  scenario.configure(`apiVersion: helmwarden.dev/v1alpha1
kind: ReleaseSync
metadata: { name: web, namespace: __NAMESPACE__ }
spec:
  chart: ${chart}
  values:
    - path: token
      from: { store: vault, path: __NAMESPACE__/web, key: TOKEN }
`);
}

afterEach(async () => {
  await server.close();
  await scenario.close();
});

test.each<[From, 3 | 4]>([
  ["repository", 3],
  ["repository", 4],
  ["registry", 3],
  ["registry", 4],
])(
  "a chart from a %s, with helm %i: pulled once at the deployed version, planned and synced",
  async (from, major) => {
    await begin(from, major);
    const [wanted, next] = [canary("wanted"), canary("next")];
    await scenario.vault.put("web", { TOKEN: wanted });
    expect(await scenario.plan(env)).toMatchObject({ kind: "pending", action: "upgrade" });
    const asked = server.requests.length;
    expect(asked).toBeGreaterThan(0);
    expect(await scenario.sync(env)).toMatchObject({ kind: "changed", revision: 2 });
    expect((await scenario.secret("web"))["token"]).toBe(wanted);
    const [, { chart } = { chart: "" }] = await web.history();
    expect(chart).toBe((await web.history())[0]!.chart);

    await scenario.vault.put("web", { TOKEN: next });
    expect(await scenario.sync(env)).toMatchObject({ kind: "changed", revision: 3 });
    expect(server.requests).toHaveLength(asked);
  },
  180_000,
);

const failed = (code: string): object => ({
  kind: "failed",
  code,
  message: expect.stringMatching(/repository or registry/) as unknown,
});
const chartOf = (from: From, name: string, more = ""): string =>
  from === "repository"
    ? `{ repository: "${server.url}", name: ${name}${more} }`
    : `{ oci: "${server.url}/${name}"${more} }`;

test.each<[From, 3 | 4]>([
  ["repository", 3],
  ["repository", 4],
  ["registry", 3],
  ["registry", 4],
])(
  "a %s, with helm %i: another version is held; what it has not, what is not trusted and what is away have codes of their own",
  async (from, major) => {
    await begin(from, major);
    await scenario.vault.put("web", { TOKEN: canary("wanted") });
    configure(chartOf(from, "web", ", version: 9.9.9"));
    expect(await scenario.plan(env)).toMatchObject({ kind: "held", holds: [{ reason: "chartMoved" }] });
    configure(chartOf(from, "other"));
    expect(await scenario.plan(env)).toMatchObject(failed("ChartUnavailable"));

    configure(chartOf(from, "web", ", version: 1.0.0"));
    const isTls = from === "registry" && major === 4;
    const untrusting = await scenario.plan({});
    expect(untrusting).toMatchObject(isTls ? failed("ChartUnavailable") : { kind: "pending" });

    configure(chartOf(from, "away"));
    await server.close();
    expect(await scenario.plan(env)).toMatchObject(failed("ChartSourceUnavailable"));
    expect(await web.revision()).toBe(1);
  },
  180_000,
);
