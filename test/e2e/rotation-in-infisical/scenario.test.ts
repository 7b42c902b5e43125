import { afterEach, beforeEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { type InfisicalServer, startInfisical } from "../../support/infisicalServer.ts";
import type { PostgresServer } from "../../support/postgres.ts";
import { databaseFolder, openRotationScenario, postgresFor, type RotationScenario } from "../../support/rotation.ts";

let scenario: RotationScenario;
let database: PostgresServer;
let infisical: InfisicalServer;
let folder: ReturnType<typeof databaseFolder>;
let old: string;

beforeEach(async () => {
  folder = databaseFolder();
  old = canary("old");
  database = await postgresFor(folder.dir, { app: old });
  infisical = await startInfisical();
  const secret = canary("client-secret");
  const { account } = infisical.addIdentity("universal", secret);
  scenario = await openRotationScenario(import.meta.dirname, database, { CLIENT_ID: account, CLIENT_SECRET: secret });
  const text = scenario.config().replace("__INFISICAL__", infisical.url).replace("__PROJECT__", infisical.projectId);
  scenario.configure(text);
  infisical.putSecret("/apps/web", "PASSWORD", old);
  infisical.putSecret("/apps/web", "OTHER", canary("other"));
  await scenario.install("app", "login", { password: old });
  await scenario.sync();
});
afterEach(async () => {
  await infisical.close();
  await scenario.close();
  await database.stop();
  folder.remove();
});

test("a secret in Infisical is rotated with its database, and the record lies beside it", async () => {
  const rotated = await scenario.rotate("app-db");
  expect({ code: rotated.code, out: rotated.stdout }).toMatchObject({ code: 0 });
  const { password = "" } = await scenario.secret("app");
  expect(password).toMatch(/^hwcanary-rotated-/);
  expect(await database.canLogin("app", password)).toBe(true);
  expect(await database.canLogin("app", old)).toBe(false);
  expect(await scenario.sync()).toMatchObject({ kind: "inSync" });

  const again = await scenario.rotate("app-db");
  expect(again.code).toBe(0);
  expect(await database.canLogin("app", (await scenario.secret("app"))["password"] ?? "")).toBe(true);
  expect(await database.canLogin("app", password)).toBe(false);
});
