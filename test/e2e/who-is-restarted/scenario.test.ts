import { afterEach, beforeEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { generationOf } from "../../support/deployment.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
beforeEach(async () => void (scenario = await openScenario(import.meta.dirname)));
afterEach(() => scenario.close());

const document = (chart: string, restart: string): string => `
apiVersion: helmwarden.dev/v1alpha1
kind: ReleaseSync
metadata: { name: app, namespace: __NAMESPACE__ }
spec:
  chart: { path: __CHARTS__/${chart} }
  restart: ${restart}
  values:
    - path: token
      from: { store: vault, path: __NAMESPACE__/app, key: TOKEN }
`;

test.each([
  ["read by env: helmwarden restarts it", "web", "auto", ["Deployment/app"], 2],
  ["read by env, and nobody wants restarts", "web", "never", [], 1],
  ["a checksum annotation rolls it: once is enough", "checksum", "auto", [], 2],
  ["read from a volume: the kubelet brings it", "volume", "auto", [], 1],
])("%s", async (_what, chart, restart, restarted, generation) => {
  scenario.configure(document(chart, restart));
  const wanted = canary("wanted");
  await scenario.install("app", chart, { token: canary("old") });
  await scenario.vault.put("app", { TOKEN: wanted });
  expect(await scenario.sync()).toMatchObject({ kind: "changed", revision: 2, restarted });
  expect((await scenario.secret("app"))["token"]).toBe(wanted);
  expect(await generationOf(scenario.api, scenario.namespace, "app")).toBe(generation);
  expect(await scenario.sync()).toEqual({ kind: "inSync" });
  expect(await generationOf(scenario.api, scenario.namespace, "app")).toBe(generation);
});
