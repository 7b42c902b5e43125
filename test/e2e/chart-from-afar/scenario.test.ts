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
    configure(`{ repository: "${server.url}", name: web }`);
  } else {
    server = await startRegistry(scenario.dir, major);
    await scenario.helm(["push", archive, server.url, "--ca-file", server.caFile!]);
    env = { SSL_CERT_FILE: server.caFile! };
    configure(`{ oci: "${server.url}/web" }`);
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

test.each<[From, string]>([
  ["repository", "9.9.9"],
  ["registry", "9.9.9"],
])(
  "another version than the deployed one is held, and no other chart is taken: %s",
  async (from, version) => {
    await begin(from, 4);
    await scenario.vault.put("web", { TOKEN: canary("wanted") });
    configure(
      from === "repository"
        ? `{ repository: "${server.url}", name: web, version: ${version} }`
        : `{ oci: "${server.url}/web", version: ${version} }`,
    );
    expect(await scenario.sync(env)).toMatchObject({ kind: "held", holds: [{ reason: "chartMoved" }] });
    expect(await web.revision()).toBe(1);
  },
  120_000,
);

const [AWAY, NOT_THERE] = ["ChartSourceUnavailable", "ChartUnavailable"];

test.each<[From, 3 | 4, string, string]>([
  ["repository", 3, "away", AWAY],
  ["repository", 4, "away", AWAY],
  ["registry", 3, "away", AWAY],
  ["registry", 4, "away", AWAY],
  ["repository", 3, "without the chart", NOT_THERE],
  ["repository", 4, "without the chart", NOT_THERE],
  ["registry", 3, "without the chart", NOT_THERE],
  ["registry", 4, "without the chart", NOT_THERE],
  ["registry", 4, "not trusted", NOT_THERE],
])(
  "a %s, with helm %i, that is %s fails that release with a code of its own: %s",
  async (from, major, how, code) => {
    await begin(from, major);
    await scenario.vault.put("web", { TOKEN: canary("wanted") });
    if (how === "away") await server.close();
    if (how === "not trusted") env = {};
    const other =
      from === "repository" ? `{ repository: "${server.url}", name: other }` : `{ oci: "${server.url}/other" }`;
    if (how === "without the chart") configure(other);
    const outcome = await scenario.plan(env);
    expect(outcome).toMatchObject({ kind: "failed", code });
    expect(outcome["message"]).toMatch(/repository or registry/);
  },
  120_000,
);
