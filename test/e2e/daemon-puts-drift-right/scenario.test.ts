// Somebody changes what helmwarden keeps: the live Secret, or the release itself.
import { afterEach, beforeEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import {
  type DaemonScenario,
  expectWhole,
  openDaemonScenario,
  type RunningDaemon,
  until,
} from "../../support/daemon.ts";
import type { Release } from "../../support/release.ts";

let scenario: DaemonScenario;
let web: Release;
let daemon: RunningDaemon;
const wanted = canary("wanted");

beforeEach(async () => {
  scenario = await openDaemonScenario(import.meta.dirname, {
    // Nothing but the watches tells in time.
    settings: (yaml) => yaml.replace("resync: 10s", "resync: 1h"),
  });
  web = await scenario.install("web", "web", { token: canary("before") });
  await scenario.vault.put("web", { TOKEN: wanted });
});
afterEach(() => scenario.close());

async function begin(outcome = "changed"): Promise<void> {
  daemon = await scenario.daemon();
  await scenario.recorded([web], outcome);
  await until("the watches stand", async () => (await daemon.status()).watches.every(({ healthy }) => healthy));
}

function patchSecret(token: string): Promise<unknown> {
  const body = { stringData: { token } };
  const path = `/api/v1/namespaces/${scenario.namespace}/secrets/web`;
  return scenario.api("PATCH", path, body, "application/merge-patch+json");
}

const tokenOf = async (): Promise<string | undefined> => (await scenario.secret("web"))["token"];
const outcomes = (): unknown[] =>
  daemon
    .log()
    .filter(({ msg }) => msg === "pass")
    .map(({ outcome }) => outcome);

/** Jobs that the daemon has put on the queue because of what a watch of live Secrets told. */
async function seen(): Promise<number> {
  const { body } = await daemon.get("/metrics");
  return Number(/^helmwarden_jobs_total\{reason="live"\} (\d+)/m.exec(String(body))?.[1] ?? 0);
}

test("a patched live Secret is seen within a second, put back without a revision, and its readers restart", async () => {
  await begin();
  const before = await seen();
  await patchSecret(canary("patched"));
  const start = performance.now();
  await until("it is seen", async () => (await seen()) > before);
  expect(performance.now() - start).toBeLessThan(1_000);
  await until("it is put back", async () => (await tokenOf()) === wanted);
  // What follows is a pass, which takes longer where the machine is busy.
  expect(performance.now() - start).toBeLessThan(4_000);
  await until("it is told", async () => (await scenario.events("Corrected")).length === 1);
  expect(outcomes()).toEqual(["changed", "corrected"]);
  await daemon.stop();
  expect(scenario.audit().map(({ action, kind }) => `${action} ${kind}`)).toEqual([
    "upgrade intent",
    "upgrade result",
    "correct intent",
    "correct result",
  ]);
  await expectWhole(scenario, [{ release: web, values: { token: wanted }, revision: 2 }]);
});

test("a helm upgrade by hand that changes a kept value is corrected by one more revision; what else it sets stays", async () => {
  await begin();
  await web.upgrade(["--reuse-values"], { token: canary("by-hand"), labels: { mine: "yes" } });
  await until("it is corrected", async () => (await scenario.record("web"))?.revision === 4);
  await daemon.stop();
  await expectWhole(scenario, [{ release: web, values: { token: wanted, labels: { mine: "yes" } }, revision: 4 }]);
  expect(await tokenOf()).toBe(wanted);
});

test("an upgrade by hand that changes nothing that we keep is left as it is", async () => {
  await begin();
  await web.upgrade(["--reuse-values"], { replicas: 2 });
  await until("it is seen", async () => (await scenario.record("web"))?.revision === 3);
  await daemon.stop();
  await expectWhole(scenario, [{ release: web, values: { token: wanted, replicas: 2 }, revision: 3 }]);
});

test("with `drift: report` both are told, once each, and left as they are", async () => {
  scenario.configure(scenario.config().replace("spec:\n", "spec:\n  drift: report\n"));
  await begin();
  const [patched, byHand] = [canary("patched"), canary("by-hand")];
  await patchSecret(patched);
  await until("it is told", async () => (await scenario.events("Drifted")).length === 1);
  expect(await tokenOf()).toBe(patched);
  await patchSecret(wanted);
  await until("it is over", async () => {
    const row = (await daemon.status()).subjects[0];
    return row?.outcome === "inSync" && (await scenario.record("web"))?.noted === undefined;
  });
  await web.upgrade(["--reuse-values", "--force-conflicts"], { token: byHand });
  await until("it is told", async () => (await scenario.events("Drifted")).length === 2);
  expect(outcomes()).toEqual(["changed", "drifted", "drifted"]);
  expect((await scenario.record("web"))?.noted).toEqual({ outcome: "drifted", reason: "token" });
  await daemon.stop();
  await expectWhole(scenario, [{ release: web, values: { token: byHand }, revision: 3 }]);
});

test("what somebody else puts back again and again is a fight, whoever saw it: it is held, and told", async () => {
  await begin();
  for (let round = 1; round <= 3; round += 1) {
    await patchSecret(canary("theirs"));
    await until("it is put back", async () => (await tokenOf()) === wanted);
    await until("it is on record", async () => (await scenario.record("web"))?.putBacks?.length === round);
    if (round !== 2) continue;
    // Another process goes on counting.
    await daemon.stop();
    await begin();
  }
  const last = canary("theirs");
  await patchSecret(last);
  await until("it is held", async () => (await scenario.events("Held")).length === 1);
  expect(await tokenOf()).toBe(last);
  await patchSecret(wanted);
  await until("in order it is not held", async () => (await daemon.status()).subjects[0]?.outcome === "inSync");
  await daemon.stop();
  await expectWhole(scenario, [{ release: web, values: { token: wanted }, revision: 2 }]);
});

test("a release that was only adopted is watched as well: nothing of ours has changed it yet", async () => {
  await scenario.vault.put("web", { TOKEN: (await tokenOf()) ?? "" });
  const held = (await scenario.vault.get("web"))["TOKEN"];
  await begin("adopted");
  await patchSecret(canary("patched"));
  await until("it is put back", async () => (await tokenOf()) === held);
  await daemon.stop();
  await expectWhole(scenario, [{ release: web, values: { token: held }, revision: 1 }]);
});
