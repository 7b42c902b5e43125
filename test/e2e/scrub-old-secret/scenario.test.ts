import { gunzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { openScenario, type PortCall, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
afterEach(() => scenario.close());

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

test.each<["before" | "after", PortCall]>([
  ["after", { name: "helm.upgrade", number: 1 }],
  ["before", { name: "helm.upgrade", number: 2 }],
  ["after", { name: "helm.upgrade", number: 2 }],
  ["before", { name: "statuses.put", number: 2 }],
])(
  "a pass that is killed %s %o is ended with the scrub: two revisions, and no third",
  async (when, call) => {
    scenario = await openScenario(import.meta.dirname);
    const [old, wanted] = [canary("old"), canary("wanted")];
    await scenario.install("web", "web", { token: old });
    await scenario.vault.put("web", { TOKEN: wanted });
    expect((await scenario.crash(when, call)).signal).toBe("SIGKILL");
    expect(await scenario.sync()).toEqual({ kind: "adopted" });
    expect(await stored(3)).toContain(wanted);
    expect(await stored(3)).not.toContain(old);
    const intents = scenario.audit().filter(({ kind }) => kind === "intent");
    expect(intents.map(({ action, base }) => `${action} on ${base}`).at(-1)).toBe("scrub on 2");
    expect(await scenario.sync()).toEqual({ kind: "inSync" });
    await expect(stored(4)).rejects.toThrow("there is no");
  },
  120_000,
);

async function stored(revision: number): Promise<string> {
  const { release = "" } = await scenario.secret(`sh.helm.release.v1.web.v${revision}`);
  return gunzipSync(Buffer.from(release, "base64")).toString("utf8");
}
