import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
afterEach(() => scenario.close());

test.each([3, 4] as const)(
  "helm %i: a value that the chart would ignore is held, or set beside the upgrade",
  async (helm) => {
    scenario = await openScenario(import.meta.dirname, { helm });
    const [old, wanted] = [canary("old"), canary("wanted")];
    const app = await scenario.install("app", "lookup-wins", { auth: { password: old } });
    await scenario.vault.put("app", { PASSWORD: wanted });

    expect(await scenario.sync()).toMatchObject({
      kind: "held",
      holds: [{ reason: "ignored", where: "auth.password" }],
    });
    expect(await app.revision()).toBe(1);
    expect(await scenario.secret("app")).toEqual({ password: old });

    scenario.configure(`${scenario.config()}  whenIgnored: patchSecret\n`);
    expect(await scenario.sync()).toMatchObject({ kind: "changed", revision: 2 });
    expect(await app.values()).toEqual({ auth: { password: wanted } });
    expect(await scenario.secret("app")).toEqual({ password: wanted });
    expect(await scenario.sync()).toEqual({ kind: "inSync" });
    // The chart goes on keeping what is live: now that is the wanted value.
    await app.upgrade(["--reuse-values"]);
    expect(await scenario.secret("app")).toEqual({ password: wanted });
  },
);

test("a path that the chart does not know is held", async () => {
  scenario = await openScenario(import.meta.dirname);
  const app = await scenario.install("app", "deaf", {});
  await scenario.vault.put("app", { PASSWORD: canary("unheard") });
  scenario.configure(scenario.config().replace("charts/lookup-wins", "charts/deaf").replace("lookup-wins", "deaf"));
  expect(await scenario.sync()).toMatchObject({ kind: "held", holds: [{ reason: "ignored" }] });
  expect(await app.revision()).toBe(1);
});
