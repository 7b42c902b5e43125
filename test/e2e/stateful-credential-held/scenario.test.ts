import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
afterEach(() => scenario.close());

test("a password that a database's volume remembers is held until somebody says that nothing does", async () => {
  scenario = await openScenario(import.meta.dirname);
  const [old, wanted] = [canary("old"), canary("wanted")];
  const db = await scenario.install("db", "database", { password: old });
  await scenario.vault.put("db", { PASSWORD: wanted });

  const outcome = await scenario.sync();
  expect(outcome).toMatchObject({ kind: "held", holds: [{ reason: "statefulCredential", where: "password" }] });
  expect(JSON.stringify(outcome)).toContain("StatefulSet/db reads this from Secret/db key password");
  expect(await db.revision()).toBe(1);
  expect((await scenario.secret("db"))["password"]).toBe(old);
  const { metadata } = await scenario.object<{ metadata: { generation: number } }>("apps/v1/statefulsets/db");
  expect(metadata.generation).toBe(1);

  scenario.configure(`${scenario.config()}      kind: token\n`);
  expect(await scenario.sync()).toMatchObject({ kind: "changed", revision: 2, restarted: ["StatefulSet/db"] });
  expect((await scenario.secret("db"))["password"]).toBe(wanted);
});
