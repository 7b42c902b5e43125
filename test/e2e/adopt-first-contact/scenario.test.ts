import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
afterEach(() => scenario.close());

test("a release that holds the wanted values already is taken over without a revision", async () => {
  const token = canary("token");
  scenario = await openScenario(import.meta.dirname);
  const web = await scenario.install("web", "web", { token });
  await scenario.vault.put("web", { TOKEN: token });

  expect(await scenario.plan()).toEqual({ kind: "pending", action: "adopt", why: "first contact", changes: [] });
  const run = await scenario.run("sync");
  expect(run).toMatchObject({ code: 0, stderr: "", helms: [] });
  expect(run.stdout).toContain("adopted: the wanted values were there already");
  expect(await web.revision()).toBe(1);
  expect(scenario.audit()).toMatchObject([{ kind: "result", action: "adopt", outcome: "adopted", changes: [] }]);
  expect(await scenario.sync()).toEqual({ kind: "inSync" });
  expect(scenario.audit()).toHaveLength(1);
});
