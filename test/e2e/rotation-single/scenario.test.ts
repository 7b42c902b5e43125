import { afterEach, beforeEach, expect, test } from "vitest";
import { helmBinary } from "../../support/binaries.ts";
import { canary } from "../../support/canary.ts";
import { crashes } from "../../support/crashRotation.ts";
import { startCuttingRelay } from "../../support/cuttingRelay.ts";
import type { PostgresServer } from "../../support/postgres.ts";
import { databaseFolder, openRotationScenario, postgresFor, type RotationScenario } from "../../support/rotation.ts";
import type { Release } from "../../support/release.ts";

let scenario: RotationScenario;
let database: PostgresServer;
let folder: ReturnType<typeof databaseFolder>;
let app: Release;
let old: string;

beforeEach(async () => {
  folder = databaseFolder();
  old = canary("old");
  database = await postgresFor(folder.dir, { app: old });
  scenario = await openRotationScenario(import.meta.dirname, database);
  await scenario.vault.put("app", { PASSWORD: old });
  app = await scenario.install("app", "login", { password: old });
  await scenario.sync();
});
afterEach(async () => {
  await scenario.close();
  await database.stop();
  folder.remove();
});

test("one user: logins fail only between the change in the database and the upgrade, and for how long is said", async () => {
  const client = scenario.client();
  const rotated = await scenario.rotate("app-db");
  const logins = await client.stop();
  expect({ code: rotated.code, err: rotated.stderr }).toMatchObject({ code: 0 });
  expect(rotated.stdout.replaceAll(/\s+/g, " ")).toMatch(/Logins with the old value failed for at most \d+\.\d s\./);
  const failed = logins.map(({ ok }) => !ok);
  const [first, last] = [failed.indexOf(true), failed.lastIndexOf(true)];
  expect(first).toBeGreaterThan(0);
  expect(failed.slice(first, last + 1).every(Boolean)).toBe(true);
  expect(failed.at(-1)).toBe(false);

  const { PASSWORD: now = "" } = await scenario.vault.get("app");
  expect(await app.values()).toEqual({ password: now });
  expect(await database.canLogin("app", now)).toBe(true);
  expect(await database.canLogin("app", old)).toBe(false);
  expect(database.log()).not.toContain(now);
  await database.kill();
  await database.restart();
  expect(await database.canLogin("app", now)).toBe(true);
});

test("an upgrade that fails after the change in the database: the old password comes back everywhere", async () => {
  scenario.configure(scenario.config().replace("  values:\n", "  upgrade: { ready: 2s }\n  values:\n"));
  const stuck = { spec: { template: { spec: { nodeSelector: { nowhere: "yes" } } } } };
  await scenario.api(
    "PATCH",
    `/apis/apps/v1/namespaces/${scenario.namespace}/deployments/app`,
    stuck,
    "application/merge-patch+json",
  );
  const failed = await scenario.rotate("app-db");
  expect(failed.code).toBe(1);
  expect(failed.stdout).toContain("rolled back");
  expect(await scenario.vault.get("app")).toMatchObject({ PASSWORD: old });
  expect((await scenario.vault.get("app"))["PASSWORD__ROTATION"]).not.toContain("rotated-");
  expect(await app.values()).toEqual({ password: old });
  expect(await database.canLogin("app", (await scenario.secret("app"))["password"] ?? "")).toBe(true);
});

test("a database that only reads, or that is away: nothing changes, and the old password goes on working", async () => {
  await database.restart({ standby: true });
  const readOnly = await scenario.rotate("app-db");
  expect(readOnly.code).toBe(1);
  expect(await scenario.vault.get("app")).toMatchObject({ PASSWORD: old });
  await database.restart();
  expect(await database.canLogin("app", old)).toBe(true);

  await database.stop();
  const away = await scenario.rotate("app-db");
  expect(away.code).toBe(1);
  expect(away.stdout).toContain("failed");
  expect(await app.values()).toEqual({ password: old });
  await database.restart();
  const rotated = await scenario.rotate("app-db");
  expect({ code: rotated.code, out: rotated.stdout }).toMatchObject({ code: 0 });
  const { PASSWORD: now = "" } = await scenario.vault.get("app");
  expect(await database.canLogin("app", now)).toBe(true);
  expect(await app.values()).toEqual({ password: now });
});

/** What the app has, and whether it is let in with that. */
async function appLogin(): Promise<{ readonly password: string; readonly works: boolean }> {
  const { password = "" } = await scenario.secret("app");
  expect(await app.values()).toEqual({ password });
  expect((await scenario.vault.get("app"))["PASSWORD"]).toBe(password);
  return { password, works: await database.canLogin("app", password) };
}

test("an admin whose password is wrong: nothing changes, and the app is let in", async () => {
  const args = ["app-db", "--now", "--reason", "a test"];
  const failed = await scenario.run("rotate", args, { ADMIN_PASSWORD: canary("wrong") });
  expect(failed.code).toBe(1);
  expect(await appLogin()).toEqual({ password: old, works: true });
  expect((await scenario.rotate("app-db")).code).toBe(0);
  expect(await appLogin()).toMatchObject({ works: true });
});

test("a connection that breaks after the change and before its answer: the next try finds it made", async () => {
  const relay = await startCuttingRelay(database.port);
  try {
    scenario.configure(scenario.config().replaceAll(`port: ${database.port}`, `port: ${relay.port}`));
    relay.cut("ALTER ROLE", "answered");
    const broken = await scenario.rotate("app-db");
    expect({ cuts: relay.cuts, code: broken.code }).toEqual({ cuts: 1, code: 1 });
    expect(await database.canLogin("app", old)).toBe(false);
    const again = await scenario.rotate("app-db");
    expect({ code: again.code, out: again.stdout }).toMatchObject({ code: 0 });
    expect(await appLogin()).toMatchObject({ works: true });
    // It was not changed a second time.
    expect(again.stderr).not.toContain("teaches the target");
  } finally {
    await relay.close();
  }
});

test("a person who changes the secret while it is rotated wins: the database learns theirs, and the app gets it", async () => {
  const dying = crashes(scenario, { ADMIN_PASSWORD: database.superuser.password, HELM_BIN: helmBinary(4) });
  // The database has the new value, and the store has not made it current.
  expect((await dying.dieAt({ when: "before", effect: 2 })).stdout).toBe("replace\nset\nreplace\n");
  const theirs = canary("theirs");
  await scenario.vault.put("app", { ...(await scenario.vault.get("app")), PASSWORD: theirs });
  const rotated = await scenario.rotate("app-db");
  expect({ code: rotated.code, out: rotated.stdout }).toMatchObject({ code: 0 });
  expect(await appLogin()).toEqual({ password: theirs, works: true });
  expect(await database.canLogin("app", old)).toBe(false);
});
