import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { waitUntil } from "../../support/process.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

const CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const GROUP = "asked.helmwarden.dev";

let scenario: Scenario;
afterEach(async () => {
  await scenario.api("DELETE", `${CRDS}/things.${GROUP}`);
  await scenario.close();
});

test("a chart that asks for an API is looked into anew once there is one, and what it changes by itself is held", async () => {
  scenario = await openScenario(import.meta.dirname);
  const { api, vault } = scenario;
  const web = await scenario.install("web", "asks-api", { token: canary("old") });
  await vault.put("web", { TOKEN: canary("first") });
  expect(await scenario.sync()).toMatchObject({ kind: "changed", revision: 2 });

  const names = { plural: "things", kind: "Thing" };
  const schema = { openAPIV3Schema: { type: "object" } };
  const versions = [{ name: "v1", served: true, storage: true, schema }];
  await api("POST", CRDS, {
    metadata: { name: `things.${GROUP}` },
    spec: { group: GROUP, scope: "Namespaced", names, versions },
  });
  await waitUntil("the API is served", async () => (await api("GET", `/apis/${GROUP}/v1`)).status === 200, {
    processes: [],
    timeoutMs: 60_000,
  });
  await vault.put("web", { TOKEN: canary("second") });
  expect(await scenario.sync()).toMatchObject({
    kind: "held",
    holds: [{ reason: "regeneration", where: "Secret/web mode" }],
  });
  expect(await web.revision()).toBe(2);
  expect((await scenario.secret("web"))["mode"]).toBe("plain");
}, 120_000);
