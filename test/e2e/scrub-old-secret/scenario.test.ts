import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
afterEach(() => scenario.close());

import { gunzipSync } from "node:zlib";

test.each([3, 4] as const)("helm %i: the newest revision holds the previous secret nowhere", async (helm) => {
  scenario = await openScenario(import.meta.dirname, { helm });
  const [old, wanted] = [canary("old"), canary("wanted")];
  const web = await scenario.install("web", "web", { token: old, labels: { kept: "yes" } });
  await scenario.vault.put("web", { TOKEN: wanted });
  expect(await scenario.sync()).toMatchObject({ kind: "changed", revision: 3 });
  expect(await stored(2)).toContain(old);
  expect(await stored(3)).toContain(wanted);
  expect(await stored(3)).not.toContain(old);
  expect(await web.values()).toEqual({ token: wanted, labels: { kept: "yes" } });
  expect(scenario.audit().map(({ kind, action, outcome = "" }) => `${kind} ${action} ${outcome}`)).toEqual([
    "intent upgrade ",
    "result upgrade changed",
    "intent scrub ",
    "result scrub changed",
  ]);
  expect(await scenario.sync()).toEqual({ kind: "inSync" });
});

async function stored(revision: number): Promise<string> {
  const { release = "" } = await scenario.secret(`sh.helm.release.v1.web.v${revision}`);
  return gunzipSync(Buffer.from(release, "base64")).toString("utf8");
}
