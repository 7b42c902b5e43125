import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
afterEach(() => scenario.close());

test("a chart that would draw a new database password is held before anything is written, and the cure works", async () => {
  scenario = await openScenario(import.meta.dirname);
  const shop = await scenario.install("shop", "random-password", { apiKey: canary("old") });
  const drawn = (await scenario.secret("shop"))["database-password"];
  const apiKey = canary("new");
  await scenario.vault.put("shop", { API_KEY: apiKey });

  const held = {
    kind: "held",
    holds: [{ reason: "regeneration", where: "Secret/shop database-password" }],
    changes: [{ path: "apiKey" }],
  };
  expect(await scenario.plan()).toMatchObject(held);
  expect(await scenario.sync()).toMatchObject(held);
  const told = await scenario.run("sync");
  expect(told.code).toBe(2);
  expect(told.stdout).toContain("no mapped value explains it");
  expect(await shop.revision()).toBe(1);
  expect((await scenario.secret("shop"))["database-password"]).toBe(drawn);
  expect(scenario.audit()).toEqual([]);

  // As the message says: the password that the database knows goes into the store, and is mapped.
  await scenario.vault.put("shop", { API_KEY: apiKey, DATABASE_PASSWORD: drawn });
  scenario.configure(`${scenario.config()}    - path: database.password
      from: { store: vault, path: __NAMESPACE__/shop, key: DATABASE_PASSWORD }
`);
  expect(await scenario.sync()).toMatchObject({ kind: "changed", revision: 2 });
  expect(await scenario.secret("shop")).toEqual({ "api-key": apiKey, "database-password": drawn });
});
