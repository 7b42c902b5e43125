import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import type { Release } from "../../support/release.ts";
import { openScenario, parsed, type Scenario } from "../../support/scenario.ts";
import { startVault, type VaultServer } from "../../support/vaultServer.ts";

let scenario: Scenario;
let other: VaultServer;
let dir: string;
let release: Release;
const token = canary("token");

const CONFIG = `
apiVersion: helmwarden.dev/v1alpha1
kind: SecretStore
metadata: { name: other }
spec:
  vault: { address: __OTHER__, version: 2, auth: { token: { fromEnv: OTHER_TOKEN } } }
---
apiVersion: helmwarden.dev/v1alpha1
kind: ReleaseSync
metadata: { name: dependent, namespace: __NAMESPACE__ }
spec:
  chart: { path: __CHARTS__/checksum }
  values:
    - path: token
      from: { store: other, path: web, key: TOKEN }
---
apiVersion: helmwarden.dev/v1alpha1
kind: ReleaseSync
metadata: { name: elsewhere, namespace: __NAMESPACE__ }
spec:
  chart: { path: __CHARTS__/checksum }
  values:
    - path: token
      from: { store: vault, path: __NAMESPACE__/web, key: TOKEN }
`;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "helmwarden-vault-"));
  other = await startVault({ dir, rootToken: canary("root") });
  await other.api("POST", "secret/data/web", { data: { TOKEN: canary("moved") } });
  scenario = await openScenario(import.meta.dirname, { env: { OTHER_TOKEN: other.rootToken } });
  scenario.configure(CONFIG.replace("__OTHER__", other.address));
  release = await scenario.install("dependent", "checksum", { token });
  await scenario.install("elsewhere", "checksum", { token });
  await scenario.vault.put("web", { TOKEN: canary("new") });
});
afterEach(async () => {
  await other.stop();
  rmSync(dir, { recursive: true });
  await scenario.close();
});

test.each([
  ["sealed", () => other.seal(), /sealed/],
  ["stopped", () => other.stop(), /reach|refused|answer/],
])("a store that is %s touches no release, and holds up no other store's", async (_state, breakIt, why) => {
  await breakIt();
  const run = await scenario.run("sync", ["-o", "json"]);
  expect(run.code).toBe(1);
  const { results } = parsed(run.stdout, run.stderr);
  const of = (name: string) => results.find(({ subject }) => subject.name === name)!.outcome;
  expect(of("dependent")).toMatchObject({
    kind: "failed",
    code: "StoreUnavailable",
    message: expect.stringMatching(why),
  });
  expect(of("elsewhere")).toMatchObject({ kind: "changed" });
  expect(await release.revision()).toBe(1);
  expect(await release.values()).toEqual({ token });
  expect(scenario.audit().filter(({ subject }) => subject.includes("dependent"))).toEqual([]);
});

test("a store that suddenly returns nothing empties nothing", async () => {
  await other.api("DELETE", "secret/data/web");
  const run = await scenario.run("sync", ["dependent", "-o", "json"]);
  expect(run.code).toBe(2);
  const { results } = parsed(run.stdout, run.stderr);
  expect(results[0]!.outcome).toMatchObject({ kind: "held", holds: [{ reason: "missing", where: "token" }] });
  expect(await release.values()).toEqual({ token });
});
