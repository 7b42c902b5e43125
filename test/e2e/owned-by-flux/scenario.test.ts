import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
afterEach(() => scenario.close());

test.each([
  ["Flux", "helm.toolkit.fluxcd.io/name"],
  ["Argo CD", "argocd.argoproj.io/instance"],
])("a release that %s applies is left to it", async (owner, label) => {
  scenario = await openScenario(import.meta.dirname);
  const web = await scenario.install("web", "web", { token: canary("old"), labels: { [label]: "web" } });
  await scenario.vault.put("web", { TOKEN: canary("new") });
  expect(await scenario.sync()).toMatchObject({ kind: "held", holds: [{ reason: "owner", where: owner }] });
  expect(await web.revision()).toBe(1);
  expect(scenario.audit()).toEqual([]);
});
