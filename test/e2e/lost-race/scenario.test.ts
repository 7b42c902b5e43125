import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { type FaultProxy, startFaultProxy } from "../../support/faultProxy.ts";
import type { Release } from "../../support/release.ts";
import { openScenario, parsedOutcome, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
let proxy: FaultProxy;
let web: Release;
let KUBECONFIG: string;
const wanted = canary("wanted");
const old = canary("old");

beforeEach(async () => {
  scenario = await openScenario(import.meta.dirname);
  proxy = await startFaultProxy(scenario.kubeconfig);
  KUBECONFIG = proxy.kubeconfig(join(scenario.dir, "kubeconfig"));
  web = await scenario.install("web", "web", { token: old });
  await scenario.vault.put("web", { TOKEN: wanted });
});
afterEach(async () => {
  await proxy.close();
  await scenario.close();
});

/** Another helm makes a whole upgrade just before the first request that is like this. */
function upgradeBefore(method: string, path: RegExp): void {
  let done = false;
  proxy.onRequest = async (request) => {
    if (done || request.method !== method || !path.test(request.path)) return;
    done = true;
    await web.upgrade(["--reuse-values"], { labels: { other: "was-here" } });
  };
}

test.each([
  ["while the change is planned", "PATCH", /configmaps\/helmwarden-release-web/, 0],
  ["when helm is about to make the revision", "POST", /\/secrets(\?|$)/, 1],
])(
  "another helm is faster %s: nothing is overwritten, and the next pass plans again",
  async (_when, method, path, intents) => {
    upgradeBefore(method, path);
    expect(await scenario.sync({ KUBECONFIG })).toMatchObject({ kind: "failed", code: "ReleaseConflict" });
    expect(await web.revision()).toBe(2);
    expect(await web.values()).toEqual({ token: old, labels: { other: "was-here" } });
    expect((await scenario.secret("web"))["token"]).toBe(old);
    expect(scenario.audit().filter(({ kind }) => kind === "intent")).toHaveLength(intents);

    expect(await scenario.sync()).toMatchObject({ kind: "changed", revision: 3 });
    expect(await web.values()).toEqual({ token: wanted, labels: { other: "was-here" } });
  },
);

test("of two syncs at the same time one makes the change, and neither undoes it", async () => {
  const ends = await Promise.all([scenario.run("sync", ["-o", "json"]), scenario.run("sync", ["-o", "json"])]);
  const outcomes = ends.map((end) => parsedOutcome(end));
  const words = outcomes.map((outcome) => outcome.code ?? outcome.kind);
  // Each takes the release's Lease: the second finds what the first has done.
  expect([
    ["changed", "inSync"],
    ["adopted", "changed"],
  ]).toContainEqual(words.toSorted());
  expect(await web.revision()).toBe(2);
  expect(await web.values()).toEqual({ token: wanted });
  expect(["inSync", "adopted"]).toContain((await scenario.sync()).kind);
});
