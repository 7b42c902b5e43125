import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { openScenario, parsed, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
afterEach(() => scenario.close());

const NAMES = ["a", "absent", "b", "keyless", "misplaced", "c"];

const document = (name: string): string => `---
apiVersion: helmwarden.dev/v1alpha1
kind: ReleaseSync
metadata: { name: ${name}, namespace: __NAMESPACE__ }
spec:
  chart: { path: __CHARTS__/${name === "misplaced" ? "there-is-none" : "checksum"} }
  values:
    - path: token
      from: { store: vault, path: __NAMESPACE__/all, key: ${name === "keyless" ? "MISSING" : "TOKEN"} }
`;

test("what is broken stops nobody else, and the exit code and a summary tell", async () => {
  scenario = await openScenario(import.meta.dirname);
  scenario.configure(NAMES.map(document).join(""));
  const [old, wanted] = [canary("old"), canary("wanted")];
  const installed = NAMES.filter((name) => name !== "absent");
  const releases = await Promise.all(installed.map((name) => scenario.install(name, "checksum", { token: old })));
  await scenario.vault.put("all", { TOKEN: wanted });

  const run = await scenario.run("sync", ["-o", "json"]);
  expect(run.code).toBe(1);
  const { results } = parsed(run.stdout, run.stderr);
  const outcomes = results.map(({ subject, outcome }) => [subject.name, outcome["code"] ?? outcome.kind]);
  expect(Object.fromEntries(outcomes)).toEqual({
    a: "changed",
    b: "changed",
    c: "changed",
    absent: "ReleaseNotFound",
    keyless: "held",
    misplaced: "ChartUnavailable",
  });
  for (const release of releases) {
    const good = ["a", "b", "c"].includes(release.name);
    expect([release.name, await release.values()]).toEqual([release.name, { token: good ? wanted : old }]);
  }

  const again = await scenario.run("sync");
  expect(again.code).toBe(1);
  expect(again.stdout.trimEnd().split("\n").at(-1)).toMatch(/^Sync: (?=.*3 in sync)(?=.*2 failed)(?=.*1 held).*\.$/);
  const named = await scenario.run("sync", ["a", `${scenario.namespace}/b`]);
  expect(named).toMatchObject({ code: 0, stdout: "Sync: 2 in sync.\n" });
  const unknown = await scenario.run("sync", ["nobody"]);
  expect(unknown).toMatchObject({ code: 64, stdout: "" });
  expect(unknown.stderr).toContain('called "nobody"');
});
