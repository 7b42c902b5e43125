import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
afterEach(() => scenario.close());

const old = canary("old");
const unready = `${canary("new")}-unready`;
const values = { token: old, labels: { kept: "yes" } };

test("a workload that does not become ready gets its previous values back, by another upgrade, and that is said", async () => {
  scenario = await openScenario(import.meta.dirname);
  const web = await scenario.install("web", "web", values);
  await scenario.vault.put("web", { TOKEN: unready });
  const run = await scenario.run("sync");
  expect(run.code).toBe(1);
  expect(run.stdout).toContain("restored");
  expect(run.stdout).toMatch(/Deployment\/web did not become\s+ready within 3 s/);
  expect(await web.values()).toEqual(values);
  expect((await scenario.secret("web"))["token"]).toBe(old);
  const { status } = await scenario.object<{ status: { unavailableReplicas?: number } }>("apps/v1/deployments/web");
  expect(status.unavailableReplicas ?? 0).toBe(0);
  const history = await web.history();
  expect(history.map(({ revision, status: state }) => `${revision} ${state}`)).toEqual([
    "1 superseded",
    "2 superseded",
    "3 deployed",
  ]);
  expect(history[2]!.description).toMatch(/^helmwarden restore /);
  expect(scenario.audit()).toMatchObject([
    { kind: "intent", action: "upgrade", base: "1" },
    { kind: "result", action: "upgrade", base: "1", outcome: "notReady" },
    { kind: "intent", action: "restore", base: "2" },
    { kind: "result", action: "restore", base: "2", outcome: "restored" },
  ]);
  const { items } = await scenario.object<{ items: readonly object[] }>("v1/events");
  expect(items).toContainEqual(expect.objectContaining({ type: "Warning", reason: "Restored" }));
});

test("a pass that died before it could see that is ended by the next one, in the same way", async () => {
  scenario = await openScenario(import.meta.dirname);
  const web = await scenario.install("web", "web", values);
  await scenario.vault.put("web", { TOKEN: unready });
  expect(await scenario.crash("after", { name: "helm.upgrade", number: 1 })).toMatchObject({ signal: "SIGKILL" });
  expect(await web.values()).toEqual({ ...values, token: unready });
  expect(await scenario.sync()).toMatchObject({ kind: "restored", revision: 3 });
  expect(await web.values()).toEqual(values);
  expect((await scenario.secret("web"))["token"]).toBe(old);
  expect(await scenario.plan()).toMatchObject({ kind: "pending" });
  expect(scenario.audit()).toMatchObject([
    { kind: "intent", action: "upgrade", base: "1" },
    { kind: "intent", action: "restore", base: "2" },
    { kind: "result", action: "restore", base: "2", outcome: "restored" },
  ]);
});

test("with `onFailure: keep` the new values stay, and the fault is told", async () => {
  scenario = await openScenario(import.meta.dirname);
  const web = await scenario.install("web", "web", values);
  await scenario.vault.put("web", { TOKEN: unready });
  scenario.configure(scenario.config().replace("ready: 3s", "ready: 2s, onFailure: keep"));
  expect(await scenario.sync()).toMatchObject({ kind: "failed", code: "VerifyFailed" });
  expect(await web.revision()).toBe(2);
  expect(await web.values()).toEqual({ ...values, token: unready });
  expect(scenario.audit()).toMatchObject([{ kind: "intent" }, { kind: "result", outcome: "notReady" }]);
});
