// A daemon is paused (SIGSTOP, a node that hangs) with a change half planned, and wakes up when another has made it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { type DaemonScenario, expectWhole, openDaemonScenario, until } from "../../support/daemon.ts";
import { type FaultProxy, startFaultProxy } from "../../support/faultProxy.ts";

let scenario: DaemonScenario;
let proxy: FaultProxy;
afterEach(async () => {
  await scenario.close();
  await proxy.close();
});

test("who wakes up with a lost Lease writes nothing: one change is one revision, made by the other", async () => {
  scenario = await openDaemonScenario(import.meta.dirname);
  proxy = await startFaultProxy(scenario.kubeconfig);
  const old = canary("old");
  await scenario.vault.put("web", { TOKEN: old });
  const web = await scenario.install("web", "web", { token: old });
  const KUBECONFIG = proxy.kubeconfig(join(scenario.dir, "kubeconfig"));
  const sleeper = await scenario.daemon({ audit: "1", env: { KUBECONFIG } });
  await scenario.recorded([web], "adopted");

  let asleep = false;
  proxy.onAnswer = ({ method, path }) => {
    if (asleep || method !== "PATCH" || !path.includes("configmaps/helmwarden-release-web")) return;
    asleep = sleeper.child.kill("SIGSTOP");
  };
  const wanted = canary("wanted");
  await scenario.vault.put("web", { TOKEN: wanted });
  await until("it is paused, its record says `applying`", async () => asleep);
  expect((await scenario.record("web"))?.phase).toBe("applying");

  const other = await scenario.daemon({ audit: "2" });
  await scenario.recorded([web], "changed");
  sleeper.child.kill("SIGCONT");
  await until("it is awake, and has seen the change", async () => {
    const { subjects } = await sleeper.status();
    return subjects.every(({ outcome }) => outcome === "inSync");
  });
  expect(sleeper.log().map(({ msg }) => msg)).toContain("A lease was lost, and the work under it stops");
  await Promise.all([sleeper.stop(), other.stop()]);
  const actions = readFileSync(join(scenario.dir, "audit-1.jsonl"), "utf8").matchAll(/"action":"(\w+)"/g);
  expect([...actions].map(([, action]) => action)).toEqual(["adopt"]);
  await expectWhole(scenario, [{ release: web, values: { token: wanted }, revision: 2 }]);
});
