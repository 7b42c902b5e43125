import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
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

test("a plan where the key of the records is not (another machine) tells so, and not to adopt what is adopted", async () => {
  const [token, next] = [canary("token"), canary("next")];
  scenario = await openScenario(import.meta.dirname);
  await scenario.install("web", "web", { token });
  await scenario.vault.put("web", { TOKEN: token });
  const first = await scenario.run("plan");
  expect(first.stdout.replaceAll("\n", " ")).toContain("There is no digest key here yet");
  await scenario.sync();
  expect((await scenario.run("plan")).stdout).toBe("Plan: 1 in sync.\n");

  rmSync(join(scenario.dir, "audit.jsonl.key"));
  const planned = await scenario.run("plan");
  expect(planned).toMatchObject({ code: 0, stdout: expect.stringContaining("Plan: 1 in sync.\n") });
  expect(planned.stdout.replaceAll("\n", " ")).toContain("the digests are of this run only");
  expect(existsSync(join(scenario.dir, "audit.jsonl.key"))).toBe(false);
  await scenario.vault.put("web", { TOKEN: next });
  const json = await scenario.run("plan", ["-o", "json"]);
  expect(JSON.parse(json.stdout)).toMatchObject({
    digests: "ofThisRun",
    results: [{ outcome: { kind: "pending", action: "upgrade", why: "outdated" } }],
  });
});
