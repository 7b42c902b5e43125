import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import type { MariadbServer } from "../../support/mariadb.ts";
import { databaseFolder, mariadbFor, openRotationScenario, type RotationScenario } from "../../support/rotation.ts";

let scenario: RotationScenario;
let database: MariadbServer;
const folder = databaseFolder();
afterEach(async () => {
  await scenario.close();
  await database.stop();
  folder.remove();
});

test("two passwords at once: what the database refuses changes nothing; then no login fails, and the old one is gone afterwards, in the volume too", async () => {
  const old = canary("old");
  database = await mariadbFor(folder.dir, old);
  scenario = await openRotationScenario(import.meta.dirname, database);
  await scenario.vault.put("app", { PASSWORD: old });
  const app = await scenario.install("app", "database", { password: old, encryptionKey: canary("key") });
  expect(await scenario.sync()).toMatchObject({ kind: "adopted" });

  await database.query("INSTALL SONAME 'simple_password_check'");
  const refused = await scenario.rotate("app-db");
  await database.query("UNINSTALL SONAME 'simple_password_check'");
  expect(refused.code).toBe(1);
  expect(refused.stdout.replaceAll(/\s+/g, " ")).toContain("The old value stays.");
  expect(await scenario.vault.get("app")).toMatchObject({ PASSWORD: old });
  expect(await database.canLogin("app", (await scenario.secret("app"))["password"] ?? "")).toBe(true);

  const dry = await scenario.rotate("app-db", "--dry-run");
  expect(dry).toMatchObject({ code: 0, stderr: "" });
  expect(dry.stdout).toContain("strategy dual");
  expect(await database.canLogin("app", old)).toBe(true);

  const client = scenario.client();
  const rotated = await scenario.rotate("app-db");
  const logins = await client.stop();
  expect({ code: rotated.code, out: rotated.stdout }).toMatchObject({
    code: 0,
    out: expect.stringContaining("rotated"),
  });
  expect(logins.length).toBeGreaterThan(20);
  expect(logins.filter(({ ok }) => !ok)).toEqual([]);

  const { PASSWORD: now = "" } = await scenario.vault.get("app");
  expect(now).not.toBe(old);
  expect(await app.values()).toMatchObject({ password: now });
  expect(await database.canLogin("app", old)).toBe(false);
  await database.kill();
  await database.restart();
  expect(await database.canLogin("app", now)).toBe(true);
  expect(await database.canLogin("app", old)).toBe(false);
  // The statements carry hashes; only the test's own CREATE USER has the old one in clear.
  expect(database.log()).not.toContain(now);
});
