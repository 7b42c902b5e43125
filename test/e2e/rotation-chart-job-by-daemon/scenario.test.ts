import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { type DaemonScenario, openDaemonScenario, until } from "../../support/daemon.ts";
import type { MariadbServer } from "../../support/mariadb.ts";
import { type PasswordJob, playPasswordJob } from "../../support/passwordJob.ts";
import { databaseFolder, mariadbFor } from "../../support/rotation.ts";

const folder = databaseFolder();
let scenario: DaemonScenario;
let database: MariadbServer;
let job: PasswordJob;
afterEach(async () => {
  await job.stop();
  await scenario.close();
  await database.stop();
  folder.remove();
});

test("a daemon rotates what is due, and leaves the release alone while it is ahead of the store", async () => {
  const [old, root] = [canary("old"), canary("root")];
  database = await mariadbFor(folder.dir, old);
  scenario = await openDaemonScenario(import.meta.dirname, { vaultWrites: true });
  scenario.configure(scenario.config().replace("__PORT__", String(database.port)));
  job = playPasswordJob(scenario, database.port);
  await scenario.vault.put("app", {
    PASSWORD: old,
    ROOT_PASSWORD: root,
    PASSWORD__ROTATION: JSON.stringify({ format: 1, rotatedAt: "2020-02-29T00:00:00.000Z" }),
  });
  const app = await scenario.install("app", "password-job", { auth: { password: old, rootPassword: root } });
  const daemon = await scenario.daemon();
  await until(
    "it is rotated",
    async () => daemon.log().some(({ msg, outcome }) => msg === "rotation" && outcome === "rotated"),
    120_000,
  );
  const { PASSWORD: now = "" } = await scenario.vault.get("app");
  expect(now).not.toBe(old);
  expect(job.runs).toEqual([0]);
  expect(await app.values()).toEqual({
    auth: { password: now, rootPassword: root },
    passwordUpdateJob: { enabled: false },
  });
  expect(await app.revision()).toBe(3);
  expect(await database.canLogin("app", (await scenario.secret("app"))["password"] ?? "")).toBe(true);
  await daemon.stop();
});
