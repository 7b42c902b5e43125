import { gunzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { type DaemonScenario, expectWhole, openDaemonScenario, until } from "../../support/daemon.ts";
import { isAlive } from "../../support/process.ts";
import type { Release } from "../../support/release.ts";
import { encodeRelease } from "../../support/storedRelease.ts";

let scenario: DaemonScenario;
let web: Release;
afterEach(() => scenario.close());

const old = canary("old");

async function begin(): Promise<void> {
  scenario = await openDaemonScenario(import.meta.dirname);
  web = await scenario.install("web", "checksum", { token: old });
  await scenario.vault.put("web", { TOKEN: old });
}

/** Kills the daemon and the helm that it runs, as a node that goes down does. */
async function killInTheMiddle(wanted: string): Promise<void> {
  const daemon = await scenario.daemon();
  await scenario.recorded([web], "adopted");
  await scenario.vault.put("web", { TOKEN: wanted });
  const helm = await daemon.helm("--hide-notes");
  daemon.child.kill("SIGKILL");
  if (isAlive(helm.pid)) process.kill(helm.pid, "SIGKILL");
  await daemon.end;
}

test("killed in the middle of an upgrade, the next start ends where it would have ended", async () => {
  await begin();
  const wanted = canary("wanted");
  await killInTheMiddle(wanted);
  const [newest] = (await web.history()).toReversed();
  // Nobody can know yet whether that helm lives elsewhere: what it left pending is made old enough to be sure.
  if (newest!.status.startsWith("pending")) await makeOld(newest!.revision);
  const daemon = await scenario.daemon();
  // First the Lease of the killed one has to end.
  await until("it is in sync", async () => (await scenario.record("web"))?.phase === "settled", 120_000);
  await until("nothing is held", async () => (await scenario.record("web"))?.noted === undefined);
  await daemon.stop();
  const revision = newest!.status === "pending-upgrade" ? newest!.revision + 1 : 2;
  await expectWhole(scenario, [{ release: web, values: { token: wanted }, revision }]);
});

test("a lock of our own is left alone while its helm may live, and opened when it cannot", async () => {
  await begin();
  const wanted = canary("wanted");
  await scenario.vault.put("web", { TOKEN: wanted });
  await leavePending({ "helmwarden.dev/run": "v2-0a1b2c3d" });
  const daemon = await scenario.daemon();
  await until("it is held", async () => (await scenario.record("web"))?.noted?.reason === "locked at revision 2");
  expect(await web.revision()).toBe(2);

  await makeOld(2);
  await scenario.recorded([web], "changed");
  await daemon.stop();
  expect((await web.history()).map(({ status }) => status)).toEqual(["superseded", "failed", "deployed"]);
  expect(scenario.audit().map(({ action, kind }) => `${action} ${kind}`)).toEqual([
    "recover intent",
    "recover result",
    "upgrade intent",
    "upgrade result",
  ]);
  await expectWhole(scenario, [{ release: web, values: { token: wanted }, revision: 3 }]);
});

test("somebody else's lock is left alone however old it is", async () => {
  await begin();
  await scenario.vault.put("web", { TOKEN: canary("wanted") });
  await leavePending({});
  await makeOld(2);
  const daemon = await scenario.daemon();
  await until("it is held", async () => (await scenario.record("web"))?.noted?.reason === "locked at revision 2");
  await daemon.stop();
  expect(scenario.audit()).toEqual([]);
  expect((await web.history()).map(({ status }) => status)).toEqual(["deployed", "pending-upgrade"]);
});

interface Stored {
  metadata: { name: string; namespace?: string; labels: Record<string, string> };
  readonly type: string;
  readonly data: { release: string };
}
interface Payload {
  version: number;
  info: { status: string; last_deployed: string };
}

const storagePath = (): string => `/api/v1/namespaces/${scenario.namespace}/secrets`;

async function stored(revision: number): Promise<{ secret: Stored; payload: Payload }> {
  const secret = await scenario.object<Stored>(`v1/secrets/sh.helm.release.v1.web.v${revision}`);
  const packed = Buffer.from(Buffer.from(secret.data.release, "base64").toString("latin1"), "base64");
  return { secret, payload: JSON.parse(gunzipSync(packed).toString("utf8")) as Payload };
}

function withPayload(secret: Stored, payload: Payload): Stored {
  return { ...secret, data: { release: Buffer.from(encodeRelease(payload)).toString("base64") } };
}

/** What a helm that died leaves: a second revision that is pending. */
async function leavePending(labels: Readonly<Record<string, string>>): Promise<void> {
  const { secret, payload } = await stored(1);
  payload.version = 2;
  payload.info = { ...payload.info, status: "pending-upgrade", last_deployed: new Date().toISOString() };
  const metadata = {
    name: "sh.helm.release.v1.web.v2",
    labels: { ...secret.metadata.labels, version: "2", status: "pending-upgrade", ...labels },
  };
  await scenario.api("POST", storagePath(), withPayload({ ...secret, metadata }, payload));
}

/** As if it had been begun an hour ago. */
async function makeOld(revision: number): Promise<void> {
  const { secret, payload } = await stored(revision);
  payload.info.last_deployed = new Date(Date.now() - 3_600_000).toISOString();
  await scenario.api("PUT", `${storagePath()}/${secret.metadata.name}`, withPayload(secret, payload));
}
