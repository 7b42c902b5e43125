import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
afterEach(() => scenario.close());

const apiKey = canary("api-key");
const password = canary("password");

test("values that somebody reset are named as drift and put back", async () => {
  scenario = await openScenario(import.meta.dirname);
  const shop = await scenario.install("shop", "random-password", { apiKey, database: { password } });
  await scenario.vault.put("shop", { API_KEY: apiKey, DATABASE_PASSWORD: password });
  await scenario.sync();

  await shop.upgrade(["--reset-values"]);
  expect((await scenario.secret("shop"))["database-password"]).not.toBe(password);
  const drift = { why: "drift", changes: [{ path: "apiKey" }, { path: "database.password" }] };
  expect(await scenario.plan()).toMatchObject({ kind: "pending", action: "upgrade", ...drift });
  expect(await scenario.sync()).toMatchObject({ kind: "changed", revision: 3 });
  expect(await scenario.secret("shop")).toEqual({ "api-key": apiKey, "database-password": password });
  expect(await shop.values()).toEqual({ apiKey, database: { password } });
});

test("values that a rollback took back are named as drift and put back", async () => {
  scenario = await openScenario(import.meta.dirname);
  const old = canary("old");
  const shop = await scenario.install("shop", "random-password", { apiKey: old, database: { password } });
  await scenario.vault.put("shop", { API_KEY: apiKey, DATABASE_PASSWORD: password });
  await scenario.sync();
  await shop.rollback(1);
  expect((await scenario.secret("shop"))["api-key"]).toBe(old);
  expect(await scenario.sync()).toMatchObject({ kind: "changed", revision: 4, changes: [{ path: "apiKey" }] });
  expect((await scenario.secret("shop"))["api-key"]).toBe(apiKey);
});
