import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
afterEach(() => scenario.close());

test.each([3, 4] as const)(
  "helm %i: unquoted keys are those that helm makes of them, so the change is proven",
  async (helm) => {
    scenario = await openScenario(import.meta.dirname, { helm });
    const token = canary("wanted");
    await scenario.install("web", "odd-keys", { token: canary("old") });
    await scenario.vault.put("web", { TOKEN: token });
    expect(await scenario.sync()).toMatchObject({ kind: "changed", revision: 2 });
    expect(await scenario.secret("web")).toEqual({ true: token, false: token, 83: token, "1.1": token });
    expect(await scenario.sync()).toEqual({ kind: "inSync" });
  },
);
