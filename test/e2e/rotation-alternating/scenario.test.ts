import { Client } from "pg";
import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import type { PostgresServer } from "../../support/postgres.ts";
import { databaseFolder, openRotationScenario, postgresFor, type RotationScenario } from "../../support/rotation.ts";

let scenario: RotationScenario;
let database: PostgresServer;
const folder = databaseFolder();
afterEach(async () => {
  await scenario.close();
  await database.stop();
  folder.remove();
});

test("two users: no login fails; the old one is shut out once its last session has ended", async () => {
  const old = canary("old");
  database = await postgresFor(folder.dir, { app: old, app_b: canary("idle") });
  scenario = await openRotationScenario(import.meta.dirname, database);
  await scenario.vault.put("app", { USERNAME: "app", PASSWORD: old });
  const app = await scenario.install("app", "login", { username: "app", password: old });
  expect(await scenario.sync()).toMatchObject({ kind: "adopted" });
  // An app's pool, which lives on.
  const session = new Client({
    host: "127.0.0.1",
    port: database.port,
    user: "app",
    password: old,
    database: "postgres",
  });
  await session.connect();

  const client = scenario.client();
  const waits = await scenario.rotate("app-db", "--wait", "1");
  expect(waits.code).toBe(2);
  expect(waits.stdout.replaceAll(/\s+/g, " ")).toContain("1 sessions of the user app are open");
  expect(await database.canLogin("app", old)).toBe(true);
  const { USERNAME: user = "", PASSWORD: now = "" } = await scenario.vault.get("app");
  expect(user).toBe("app_b");
  expect(await app.values()).toEqual({ username: "app_b", password: now });

  await session.end();
  const rotated = await scenario.rotate("app-db");
  const logins = await client.stop();
  expect({ code: rotated.code, out: rotated.stdout }).toMatchObject({ code: 0 });
  expect(logins.filter(({ ok }) => !ok)).toEqual([]);
  expect(await scenario.vault.get("app")).toMatchObject({ USERNAME: "app_b", PASSWORD: now });
  expect(await database.canLogin("app", old)).toBe(false);
  expect(await database.canLogin("app_b", now)).toBe(true);

  // The next time, it goes back to the first one.
  const again = await scenario.rotate("app-db");
  expect(again.code).toBe(0);
  const { USERNAME: back = "", PASSWORD: third = "" } = await scenario.vault.get("app");
  expect(back).toBe("app");
  expect(await database.canLogin("app", third)).toBe(true);
  expect(await database.canLogin("app_b", now)).toBe(false);
  for (const password of [now, third]) expect(database.log()).not.toContain(password);
});
