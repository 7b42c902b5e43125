// The same values come back after somebody changed them: pods may have been started in between, so they restart again.
import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
afterEach(() => scenario.close());

test("a drift that is put right restarts the readers, though they were restarted for these values before", async () => {
  scenario = await openScenario(import.meta.dirname);
  const web = await scenario.install("web", "web", { token: canary("before") });
  await scenario.vault.put("web", { TOKEN: canary("wanted") });
  const restarted = ["Deployment/web"];
  expect(await scenario.sync()).toMatchObject({ kind: "changed", revision: 2, restarted });

  await web.upgrade(["--reuse-values"], { token: canary("by-hand") });
  expect(await scenario.plan()).toMatchObject({ kind: "pending", why: "drift" });
  expect(await scenario.sync()).toMatchObject({ kind: "changed", revision: 4, restarted });
  expect(await scenario.sync()).toEqual({ kind: "inSync" });
});
