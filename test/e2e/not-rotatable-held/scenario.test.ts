import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
afterEach(() => scenario.close());

test("a key that encrypts data at rest is held without a render, and set where there was none", async () => {
  scenario = await openScenario(import.meta.dirname);
  const [old, wanted] = [canary("old"), canary("wanted")];
  const db = await scenario.install("db", "database", { encryptionKey: old });
  await scenario.vault.put("db", { ENCRYPTION_KEY: wanted });
  const run = await scenario.run("sync", ["-o", "json"]);
  expect(run).toMatchObject({ code: 2, helms: [] });
  expect(run.stdout).toContain('"notRotatable"');
  expect(await db.revision()).toBe(1);
  expect((await scenario.secret("db"))["encryption-key"]).toBe(old);

  await db.upgrade(["--reset-values"]);
  expect(await scenario.sync()).toMatchObject({ kind: "changed", revision: 3 });
  expect((await scenario.secret("db"))["encryption-key"]).toBe(wanted);
});
