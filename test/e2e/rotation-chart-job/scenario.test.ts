import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { RotatePorts } from "../../../src/operations/rotate/rotatePorts.ts";
import type { RotationTarget } from "../../../src/ports.ts";
import { helmBinary } from "../../support/binaries.ts";
import { canary } from "../../support/canary.ts";
import { type MariadbServer, startMariadb } from "../../support/mariadb.ts";
import { type PasswordJob, playPasswordJob } from "../../support/passwordJob.ts";
import { waitUntil } from "../../support/process.ts";
import { databaseFolder, openRotationScenario, type RotationScenario } from "../../support/rotation.ts";
import type { Release } from "../../support/release.ts";
import { rotateOnce } from "../../support/rotateOnce.ts";

const folder = databaseFolder();
let scenario: RotationScenario;
let database: MariadbServer;
let job: PasswordJob;
let app: Release;
let old: string;
let root: string;

beforeAll(async () => {
  database = await startMariadb(folder);
});
beforeEach(async () => {
  old = canary("old");
  root = canary("root");
  await database.makeUser("app", old);
  scenario = await openRotationScenario(import.meta.dirname, database);
  await scenario.vault.put("app", { PASSWORD: old, ROOT_PASSWORD: root });
  app = await scenario.install("app", "password-job", { auth: { password: old, rootPassword: root } });
  await scenario.sync();
  job = playPasswordJob(scenario, database.port);
});
afterEach(async () => {
  await job.stop();
  await scenario.close();
});
afterAll(async () => {
  await database.stop();
  folder.remove();
});

const stored = async (): Promise<Readonly<Record<string, string>>> => await scenario.vault.get("app");
const values = (password: string, enabled?: boolean): object => ({
  auth: { password, rootPassword: root },
  ...(enabled === undefined ? {} : { passwordUpdateJob: { enabled } }),
});

/** Database, live Secret and release have this one value, and the Job is off. */
async function expectEverywhere(password: string): Promise<void> {
  expect(await app.values()).toMatchObject({ auth: { password } });
  expect(await app.values()).not.toMatchObject({ passwordUpdateJob: { enabled: true } });
  const live = await scenario.secret("app");
  expect(live["password"]).toBe(password);
  expect(await database.canLogin("app", live["password"] ?? "")).toBe(true);
}

test("the chart's Job changes the password, on for just that upgrade", async () => {
  const seen = await scenario.rotate("app-db", "--dry-run");
  expect(seen.stdout.replaceAll(/\s+/g, " ")).toContain("passwordUpdateJob.enabled, then one that switches it off");
  expect(await app.revision()).toBe(1);

  const rotated = await scenario.rotate("app-db", "--wait", "60");
  expect({ code: rotated.code, err: rotated.stderr }).toMatchObject({ code: 0 });
  const { PASSWORD: now = "", PASSWORD__ROTATION: state = "" } = await stored();
  expect(now).not.toBe(old);
  expect(state).not.toContain("attempt");
  expect(job.runs).toEqual([0]);
  expect(await app.values()).toEqual(values(now, false));
  expect(await app.revision()).toBe(3);
  await expectEverywhere(now);
  expect(await database.canLogin("app", old)).toBe(false);
  expect(await scenario.sync()).toEqual({ kind: "inSync" });
  const upgrades = scenario.audit().filter(({ action, kind }) => action === "upgrade" && kind === "result");
  expect(upgrades.map(({ changes }) => changes.map(({ path }) => path))).toEqual([
    ["auth.password", "passwordUpdateJob.enabled"],
    ["passwordUpdateJob.enabled"],
  ]);
});

test("the Job fails: the old password works everywhere, and what is left of the Job is named until it is gone", async () => {
  job.set("break");
  const failed = await scenario.rotate("app-db");
  expect(failed.code).toBe(1);
  expect(failed.stdout.replaceAll(/\s+/g, " ")).toContain(
    "A hook of the chart failed. See the hook's Job in the namespace.",
  );
  expect(await stored()).toMatchObject({ PASSWORD: old });
  expect((await stored())["PASSWORD__ROTATION"]).not.toContain("rotated-");
  await expectEverywhere(old);
  expect(await app.values()).toEqual(values(old));
  expect(await scenario.sync()).toMatchObject({ kind: "inSync" });
  expect((await scenario.inside("check")).stdout).toContain("an earlier Job is in the way");

  job.set("work");
  const before = await app.revision();
  const blocked = await scenario.rotate("app-db");
  expect(await app.revision()).toBe(before);
  expect(blocked.stdout.replaceAll(/\s+/g, " ")).toContain("(Secret/app-new-secret, Job/app-password-update in");
  await expectEverywhere(old);
  await deleteLeftovers();
  const rotated = await scenario.rotate("app-db", "--wait", "60");
  expect({ code: rotated.code, out: rotated.stdout }).toMatchObject({ code: 0 });
  await expectEverywhere((await stored())["PASSWORD"] ?? "");
});

test("helm gives the Job up, and it changes the password later: the new value is not lost", async () => {
  scenario.configure(scenario.config().replace("  values:\n", "  upgrade: { timeout: 3s }\n  values:\n"));
  job.set("late");
  const failed = await scenario.rotate("app-db");
  expect(failed.code).toBe(1);
  expect(failed.stdout.replaceAll(/\s+/g, " ")).toContain("the new value stays in the store beside the old one");
  await expectEverywhere(old);
  const { PASSWORD__ROTATION: state = "" } = await stored();

  job.let();
  await waitUntil("the Job has run", async () => job.runs.length === 1, { processes: [], timeoutMs: 20_000 });
  expect(await database.canLogin("app", old)).toBe(false);
  const rotated = await scenario.rotate("app-db", "--wait", "60");
  expect({ code: rotated.code, out: rotated.stdout }).toMatchObject({ code: 0 });
  expect(job.runs).toEqual([0]);
  const { PASSWORD: now = "" } = await stored();
  expect(state).toContain(now);
  await expectEverywhere(now);
});

/** As the person does who has read the log. */
async function deleteLeftovers(): Promise<void> {
  for (const base of ["/api/v1", "/apis/batch/v1"]) {
    const path = `${base}/namespaces/${scenario.namespace}`;
    const name = base === "/api/v1" ? "secrets/app-new-secret" : "jobs/app-password-update";
    await scenario.api("DELETE", `${path}/${name}`, { propagationPolicy: "Background" });
  }
}

test("without a login: a Job that failed waits for a person, and nothing is guessed", async () => {
  scenario.configure(scenario.config().replace(/chartJob:\n.*$/m, "chartJob: {}"));
  job.set("break");
  const failed = await scenario.rotate("app-db");
  expect(failed.code).toBe(1);
  expect(failed.stdout.replaceAll(/\s+/g, " ")).toContain("Nobody can tell which password the database of");
  expect((await stored())["PASSWORD__ROTATION"]).toContain("rotated-");
  job.set("work");
  expect((await scenario.rotate("app-db")).code).toBe(1);
  expect(job.runs).toEqual([1]);

  await app.rollback(1);
  await deleteLeftovers();
  const rotated = await scenario.rotate("app-db", "--wait", "60");
  expect({ code: rotated.code, out: rotated.stdout }).toMatchObject({ code: 0 });
  expect(job.runs).toEqual([1, 0]);
  const { PASSWORD: now = "" } = await stored();
  expect(now).not.toBe(old);
  await expectEverywhere(now);
});

test("check says what the switch adds, rbac gives it, and a switch that is none is refused", async () => {
  const check = await scenario.inside("check");
  expect(check.stdout).toMatch(/ok +rotation .*`passwordUpdateJob.enabled` adds Secret\/app-new-secret, Job\/app-/);
  const rbac = await scenario.inside("rbac");
  expect(rbac.code).toBe(0);
  expect(rbac.stdout).toContain("app-password-update");

  scenario.configure(scenario.config().replace("chartJob:", "chartJob:\n      switch: other.enabled"));
  expect((await scenario.inside("check")).stdout).toContain(
    "`other.enabled` adds ConfigMap/app-other, which is no hook",
  );
  const refused = await scenario.rotate("app-db");
  expect(refused.code).toBe(1);
  expect(refused.stdout.replaceAll(/\s+/g, " ")).toContain("which is no hook before an upgrade: correct `switch`.");
  expect((await stored())["PASSWORD__ROTATION"]).not.toContain("rotated-");
  expect(await app.revision()).toBe(1);
});

/** In the middle: the database has the new password, and helm waits for the Job. */
async function begin(): Promise<ReturnType<RotationScenario["start"]>> {
  job.set("hang");
  const running = scenario.start("rotate", ["app-db", "--now", "--reason", "a test"]);
  const changed = async (): Promise<boolean> => job.runs.length === 1;
  await waitUntil("the Job has changed the password", changed, { processes: [], timeoutMs: 60_000 });
  expect(await database.canLogin("app", old)).toBe(false);
  return running;
}

/** A dead holder's would stand for 15 s. */
async function dropLeases(): Promise<void> {
  await scenario.api("DELETE", `/apis/coordination.k8s.io/v1/namespaces/${scenario.namespace}/leases`);
}

test("helm is killed once the Job has run: the same rotation goes on without it", async () => {
  const running = await begin();
  process.kill((await running.helm("--hide-notes")).pid, "SIGKILL");
  const end = await running.end;
  expect({ code: end.code, out: end.stdout }).toMatchObject({ code: 0 });
  expect(job.runs).toEqual([0]);
  await expectEverywhere((await stored())["PASSWORD"] ?? "");
  expect((await stored())["PASSWORD"]).not.toBe(old);
});

test("helmwarden is killed and helm goes on: the next run finds the Job switched on, and switches it off", async () => {
  const running = await begin();
  running.child.kill("SIGKILL");
  await running.end;
  await dropLeases();
  job.let();
  const deployed = async (): Promise<boolean> => (await app.history()).at(-1)!.status === "deployed";
  await waitUntil("helm has ended", deployed, { processes: [], timeoutMs: 20_000 });
  expect(await app.values()).toMatchObject({ passwordUpdateJob: { enabled: true } });
  expect(await scenario.sync()).toMatchObject({ kind: "held", holds: [{ reason: "statefulCredential" }] });

  const rotated = await scenario.rotate("app-db", "--wait", "60");
  expect({ code: rotated.code, out: rotated.stdout }).toMatchObject({ code: 0 });
  expect(job.runs).toEqual([0]);
  expect(await app.revision()).toBe(3);
  await expectEverywhere((await stored())["PASSWORD"] ?? "");
});

test("both are killed: nothing is guessed while the release is locked, and then all agree again", async () => {
  const running = await begin();
  const { pid } = await running.helm("--hide-notes");
  running.child.kill("SIGKILL");
  process.kill(pid, "SIGKILL");
  await running.end;
  await dropLeases();
  const locked = await scenario.rotate("app-db");
  expect(locked.code).toBe(1);
  expect(locked.stdout.replaceAll(/\s+/g, " ")).toContain("is pending-upgrade");
  expect(await stored()).toMatchObject({ PASSWORD: old });

  await app.rollback(1);
  const rotated = await scenario.rotate("app-db", "--wait", "60");
  expect({ code: rotated.code, out: rotated.stdout }).toMatchObject({ code: 0 });
  expect(job.runs).toEqual([0]);
  const { PASSWORD: now = "" } = await stored();
  expect(now).not.toBe(old);
  await expectEverywhere(now);
});

test("somebody changes the secret in the store meanwhile: theirs wins, and the Job brings it as well", async () => {
  const running = await begin();
  const theirs = canary("theirs");
  await scenario.vault.put("app", { ...(await stored()), PASSWORD: theirs });
  job.set("work");
  job.let();
  const end = await running.end;
  expect({ code: end.code, out: end.stdout }).toMatchObject({ code: 0 });
  expect(job.runs).toEqual([0, 0]);
  expect(await stored()).toMatchObject({ PASSWORD: theirs });
  await expectEverywhere(theirs);
  expect(await app.revision()).toBe(5);
});

test("no login works although the Job has run: it runs once more, the other way round", async () => {
  const environment = {
    ...process.env,
    KUBECONFIG: scenario.kubeconfig,
    VAULT_TOKEN: scenario.vault.token,
    HELM_BIN: helmBinary(4),
  };
  let isSet = false;
  const watch = (ports: RotatePorts): RotatePorts => {
    const target = ports.target!;
    const set: RotationTarget["set"] = async (change, signal) => {
      await target.set(change, signal);
      isSet = true;
    };
    const login: RotationTarget["test"] = async (credential, signal) =>
      isSet ? "refused" : await target.test(credential, signal);
    return { ...ports, target: { ...target, set, test: login } };
  };
  const options = { config: join(scenario.dir, "config"), environment, cacheFolder: join(scenario.dir, "cache") };
  const outcome = await rotateOnce({ ...options, watch });
  expect(outcome).toMatchObject({ kind: "failed", code: "TargetRefused" });
  expect(job.runs).toEqual([0, 0]);
  expect((await stored())["PASSWORD__ROTATION"]).not.toContain("rotated-");
  await expectEverywhere(old);
  expect(await scenario.sync()).toMatchObject({ kind: "inSync" });
});
