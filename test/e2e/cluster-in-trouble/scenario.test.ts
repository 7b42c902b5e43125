import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { type FaultProxy, startFaultProxy } from "../../support/faultProxy.ts";
import type { Release } from "../../support/release.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";
import { makeServiceAccount, type RoleRule } from "../../support/serviceAccount.ts";

let scenario: Scenario;
let proxy: FaultProxy;
let web: Release;
const old = canary("old");
const wanted = canary("wanted");

beforeEach(async () => {
  scenario = await openScenario(import.meta.dirname);
  proxy = await startFaultProxy(scenario.kubeconfig);
  web = await scenario.install("web", "web", { token: old });
  await scenario.vault.put("web", { TOKEN: wanted });
});
afterEach(async () => {
  await proxy.close();
  await scenario.close();
});
const kubeconfig = (token?: string): string =>
  proxy.kubeconfig(join(scenario.dir, "kubeconfig"), token === undefined ? {} : { token });

async function expectUntouched(): Promise<void> {
  expect(await web.revision()).toBe(1);
  expect((await scenario.secret("web"))["token"]).toBe(old);
  expect(scenario.audit().filter(({ outcome }) => outcome === "changed")).toEqual([]);
}

test("a token that the cluster does not know (401)", async () => {
  const outcome = await scenario.sync({ KUBECONFIG: kubeconfig("not-a-token") });
  expect(outcome).toMatchObject({
    kind: "failed",
    code: "ClusterDenied",
    message: expect.stringMatching(/401|credentials/),
  });
  await expectUntouched();
});

const MAY_READ: readonly RoleRule[] = [
  { apiGroups: [""], resources: ["secrets"], verbs: ["get", "list"] },
  { apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list", "create", "patch"] },
  { apiGroups: ["apps"], resources: ["deployments", "statefulsets", "daemonsets"], verbs: ["get", "list"] },
];

test.each([
  ["nothing", [], /list secrets|list configmaps/],
  ["read only", MAY_READ, /forbids|Role/],
] as const)("an account that may do %s (403)", async (_what, rules, message) => {
  const token = await makeServiceAccount(scenario.kubeconfig, [scenario.namespace], rules);
  const outcome = await scenario.sync({ KUBECONFIG: kubeconfig(token) });
  expect(outcome).toMatchObject({ kind: "failed", code: "ClusterDenied", message: expect.stringMatching(message) });
  await expectUntouched();
});

test("a cluster that disappears before the upgrade", async () => {
  proxy.onRequest = ({ method, path }) => {
    if (method === "PATCH" && path.includes("configmaps")) proxy.inject({ path: /./, fault: { kind: "reset" } });
  };
  expect(await scenario.sync({ KUBECONFIG: kubeconfig() })).toMatchObject({
    kind: "failed",
    code: "ClusterUnavailable",
  });
  await expectUntouched();
  expect(scenario.audit()).toEqual([]);
  expect(await scenario.sync()).toMatchObject({ kind: "changed", revision: 2 });
});

test("a cluster that disappears when helm has done its work, before that is proven: the next pass finishes", async () => {
  // helm's last call sets the old revision's record to superseded or the new one's to deployed.
  let deployed = false;
  proxy.onRequest = async ({ method, path }) => {
    if (deployed || method !== "GET" || !path.includes("/secrets?")) return;
    deployed = (await web.history()).some(({ revision, status }) => revision === 2 && status === "deployed");
    if (deployed) proxy.inject({ path: /./, fault: { kind: "reset" } });
  };
  expect(await scenario.sync({ KUBECONFIG: kubeconfig() })).toMatchObject({
    kind: "failed",
    code: "ClusterUnavailable",
  });
  expect(await web.history()).toMatchObject([{ revision: 1 }, { revision: 2, status: "deployed" }]);
  expect(await scenario.sync()).toMatchObject({ kind: "adopted" });
  expect(await web.revision()).toBe(2);
  expect((await scenario.secret("web"))["token"]).toBe(wanted);
  const { metadata } = await scenario.object<{ metadata: { generation: number } }>("apps/v1/deployments/web");
  expect(metadata.generation).toBe(2);
});
