import { createHash } from "node:crypto";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Cluster } from "../../../src/ports.ts";
import { canary } from "../../support/canary.ts";
import { startFaultProxy } from "../../support/faultProxy.ts";
import { openCluster } from "../../support/openCluster.ts";
import { waitUntil } from "../../support/process.ts";
import type { ProgramEnd } from "../../support/program.ts";
import type { Release } from "../../support/release.ts";
import { openScenario, parsed, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
let web: Release;
let other: Cluster;
const { signal } = new AbortController();

beforeEach(async () => {
  scenario = await openScenario(import.meta.dirname);
  const token = canary("first");
  web = await scenario.install("web", "web", { token });
  await scenario.vault.put("web", { TOKEN: token });
  other = await openCluster(scenario.kubeconfig, { holder: "somebody-else" });
});
afterEach(async () => {
  await other.close();
  await scenario.close();
});

interface Lease {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly holderIdentity: string };
}

async function leases(): Promise<readonly Lease[]> {
  const list = await scenario.object<{ items: readonly Lease[] }>("coordination.k8s.io/v1/leases");
  return list.items;
}

test("a plan and a sync with nothing to write take no Lease; a sync that writes takes one for each, and gives it back", async () => {
  expect((await scenario.run("plan")).code).toBe(2);
  expect(await leases()).toEqual([]);
  expect(await scenario.run("sync")).toMatchObject({ code: 0 });
  const written = await leases();
  expect(written.map(({ metadata }) => metadata.name)).toEqual(["helmwarden-release-web", "helmwarden-secret-app"]);
  expect(written.map(({ spec }) => spec.holderIdentity)).toEqual(["", ""]);
  const versions = JSON.stringify(written);
  expect(await scenario.run("sync")).toMatchObject({ code: 0, stdout: "Sync: 2 in sync.\n" });
  expect(JSON.stringify(await leases())).toBe(versions);
}, 120_000);

test.each(["release-web", "secret-app"])(
  "while somebody else is at work on %s, a sync waits, and goes on from what that one left",
  async (name) => {
    await scenario.run("sync");
    const wanted = canary("wanted");
    await scenario.vault.put("web", { TOKEN: wanted });
    const proxy = await startFaultProxy(scenario.kubeconfig);
    const env = { KUBECONFIG: proxy.kubeconfig(join(scenario.dir, "kubeconfig")) };
    let asked = 0;
    proxy.onRequest = async ({ path }) => void (asked += path.endsWith(`/leases/helmwarden-${name}`) ? 1 : 0);
    let sync: Promise<ProgramEnd> | undefined;
    await other.withLease(
      { namespace: scenario.namespace, name: `helmwarden-${name}` },
      async () => {
        sync = scenario.run("sync", ["-o", "json"], env);
        await waitUntil("the Lease is asked for twice", async () => asked > 1, { processes: [], timeoutMs: 60_000 });
        // What a daemon does meanwhile.
        if (name === "release-web") await web.upgrade(["--reuse-values"], { token: wanted });
      },
      signal,
    );
    const { stdout, stderr } = await sync!;
    const kinds = parsed(stdout, stderr).results.map(({ subject, outcome }) => `${subject.kind} ${outcome.kind}`);
    const release = name === "release-web" ? "Release adopted" : "Release changed";
    expect(kinds.toSorted()).toEqual([release, "Secret changed"]);
    expect(await web.revision()).toBe(2);
    expect((await scenario.secret("app"))["token"]).toBe(wanted);
    await proxy.close();
  },
  180_000,
);

test("a sync that is killed at work leaves its Lease, and the next one waits for its end and goes on", async () => {
  await scenario.run("sync");
  const wanted = canary("wanted");
  await scenario.vault.put("web", { TOKEN: wanted });
  const killed = scenario.start("sync");
  await killed.helm("upgrade");
  killed.child.kill("SIGKILL");
  expect((await killed.end).signal).toBe("SIGKILL");
  const held = (await leases()).filter(({ spec }) => spec.holderIdentity !== "");
  expect(held.map(({ metadata }) => metadata.name)).toEqual(["helmwarden-release-web"]);

  const { code, stdout } = await scenario.run("sync");
  expect([code, stdout]).toEqual([0, expect.stringMatching(/Sync: /)]);
  expect((await scenario.secret("web"))["token"]).toBe(wanted);
  expect(await web.revision()).toBe(2);
}, 180_000);

test("a daemon and a sync that see the same change make one upgrade, and one whole audit log", async () => {
  await scenario.run("sync");
  const { stdout: before } = await scenario.run("sync");
  expect(before).toBe("Sync: 2 in sync.\n");
  const stores = join(scenario.dir, "config", "stores.yaml");
  writeFileSync(stores, `${readFileSync(stores, "utf8")}  http: { address: 127.0.0.1, port: 0 }\n`);
  const wanted = canary("wanted");
  await scenario.vault.put("web", { TOKEN: wanted });
  const daemon = scenario.start("run");
  try {
    expect(await scenario.run("sync")).toMatchObject({ code: 0, stderr: "" });
    const done = async (): Promise<boolean> => daemon.stdout().includes("helmwarden runs");
    await waitUntil("the daemon runs", done, { processes: [], timeoutMs: 60_000 });
  } finally {
    daemon.child.kill("SIGTERM");
  }
  expect(await daemon.end).toMatchObject({ code: 0 });
  expect(await web.revision()).toBe(2);
  expect((await scenario.secret("app"))["token"]).toBe(wanted);
  const intents = scenario.audit().filter(({ kind }) => kind === "intent");
  expect(intents.map(({ action }) => action).toSorted()).toEqual(["apply", "apply", "upgrade"]);
  let prev = "0".repeat(64);
  for (const line of readFileSync(join(scenario.dir, "audit.jsonl"), "utf8").split("\n").slice(0, -1)) {
    expect((JSON.parse(line) as { prev: string }).prev).toBe(prev);
    prev = createHash("sha256").update(line).digest("hex");
  }
}, 180_000);

test("an audit log that a living process does not let go stops a sync, which names it, and no plan", async () => {
  symlinkSync(`${hostname()} ${process.pid} 1-1`, join(scenario.dir, "audit.jsonl.lock"));
  expect((await scenario.run("plan")).code).toBe(2);
  const { code, stdout } = await scenario.run("sync");
  expect(code).toBe(1);
  expect(stdout.replaceAll(/\s+/g, " ")).toContain(`process ${process.pid} on ${hostname()} is writing to it`);
  expect(await web.revision()).toBe(1);
  await expect(scenario.secret("app")).rejects.toThrow("there is no");
}, 120_000);
