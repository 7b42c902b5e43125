import { stripVTControlCharacters } from "node:util";
import { existsSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import type { Release } from "../../support/release.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

const before = canary("before");
const after = canary("after");
const values = {
  token: before,
  replicas: 2,
  labels: { mine: "yes" },
  url: canary("url"),
  kept: { list: [1, "a", true] },
};

let scenario: Scenario;
let web: Release;

async function begin(major: 3 | 4): Promise<void> {
  scenario = await openScenario(import.meta.dirname, { helm: major });
  web = await scenario.install("web", "web", values);
  await scenario.vault.put("web", { TOKEN: before });
}
afterEach(() => scenario.close());

describe.each([3, 4] as const)("with helm %i", (major) => {
  beforeEach(() => begin(major));

  test("the value that moved in the store reaches the release, and nothing else does", async () => {
    expect(await scenario.sync()).toEqual({ kind: "adopted" });
    const secretBefore = await scenario.secret("web");
    await scenario.vault.put("web", { TOKEN: after });
    expect(await scenario.plan()).toMatchObject({ kind: "pending", action: "upgrade", why: "outdated" });
    expect(await web.revision()).toBe(1);

    const run = await scenario.run("sync");
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(run.stdout).toContain("changed: revision 2, restarted Deployment/web");

    expect(await web.values()).toEqual({ ...values, token: after });
    expect(await scenario.secret("web")).toEqual({ ...secretBefore, token: after });
    const history = await web.history();
    expect(history.map(({ revision, status, chart }) => [revision, status, chart])).toEqual([
      [1, "superseded", "web-1.0.0"],
      [2, "deployed", "web-1.0.0"],
    ]);
    expect(await scenario.run("plan")).toMatchObject({ code: 0, stdout: "Plan: 1 in sync.\n" });
    // Seen from outside while it ran: one upgrade, values not among its arguments (the search at the end looks into them).
    const upgrades = run.helms.filter(({ args }) => args.includes("--hide-notes"));
    expect(upgrades).toHaveLength(1);
    expect(upgrades[0]!.args).toEqual(expect.arrayContaining(["upgrade", "web", "--reuse-values", "--values", "-"]));
  });
});

test("the change is on record: revision, labels, status object, Event, and audit before and after", async () => {
  await begin(4);
  await scenario.vault.put("web", { TOKEN: after });
  const outcome = await scenario.sync();
  expect(outcome).toMatchObject({ kind: "changed", revision: 2, restarted: ["Deployment/web"] });
  const change = {
    path: "token",
    from: expect.stringMatching(/^[0-9a-f]{32}$/) as unknown,
    to: expect.stringMatching(/^[0-9a-f]{32}$/) as unknown,
    sources: [`vault:${scenario.namespace}/web#TOKEN@2`],
  };
  expect(outcome["changes"]).toEqual([change]);

  const { description } = (await web.history())[1]!;
  expect(description).toMatch(/^helmwarden upgrade [0-9a-f]{8}: token$/);
  const run = /[0-9a-f]{8}/.exec(description)![0];
  const stored = await scenario.object<Labelled>("v1/secrets/sh.helm.release.v1.web.v2");
  expect(stored.metadata.labels).toMatchObject({ "helmwarden.dev/run": `v2-${run}`, status: "deployed" });

  const status = await scenario.object<{ data: { record: string } }>("v1/configmaps/helmwarden-release-web");
  expect(JSON.parse(status.data.record)).toMatchObject({ phase: "settled", outcome: "changed", revision: 2, run });
  const events = await scenario.object<{ items: readonly object[] }>("v1/events");
  expect(events.items).toContainEqual(
    expect.objectContaining({ type: "Normal", reason: "Synced", message: "Changed token." }),
  );
  expect(scenario.audit()).toMatchObject([
    { v: 1, sequence: 1, kind: "intent", action: "upgrade", run, base: "1", changes: [change], prev: "0".repeat(64) },
    { v: 1, sequence: 2, kind: "result", action: "upgrade", run, base: "1", changes: [change], outcome: "changed" },
  ]);
});

test("plan and sync are read by people in 80 columns, and by programs as JSON; no value is in either", async () => {
  await begin(4);
  await scenario.vault.put("web", { TOKEN: after });
  const text = await scenario.run("plan");
  expect(text.code).toBe(2);
  expect(text.stdout).toMatch(
    /release \S+\/web\s+to upgrade \(outdated: the store has another value\)\n {2}~ token {2}[0-9a-f]{8} -> [0-9a-f]{8}\n/,
  );
  const json = await scenario.run("plan", ["-o", "json"]);
  expect(json.code).toBe(2);
  expect(JSON.parse(json.stdout)).toEqual({
    command: "plan",
    digests: "ofThisRun",
    results: [
      {
        cluster: "default",
        subject: { kind: "Release", namespace: scenario.namespace, name: "web" },
        outcome: { kind: "pending", action: "upgrade", why: "outdated", changes: [expect.anything()] },
      },
    ],
  });
  expect(await web.revision()).toBe(1);
  const xray = await scenario.run("xray", ["web"]);
  expect(xray.stdout).toContain("Deployment/web by env: restarted by helmwarden");
  expect(await scenario.run("check")).toMatchObject({ code: 0, stderr: "" });
  const synced = await scenario.run("sync");
  for (const { stdout, stderr } of [text, xray, synced]) {
    expect(stderr).toBe("");
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
    expect(stdout).not.toContain("\u001B");
  }
});

const YELLOW = "\u001B[33m";

test.skipIf(!existsSync("/usr/bin/script"))("colours are for terminals, unless NO_COLOR is set", async () => {
  await begin(4);
  await scenario.vault.put("web", { TOKEN: after });
  expect(await scenario.onTerminal("plan")).toContain(YELLOW);
  expect(await scenario.onTerminal("plan", { NO_COLOR: "1" })).not.toContain(YELLOW);
  const checked = stripVTControlCharacters(await scenario.onTerminal("check")).split(/\r?\n/);
  expect(checked.filter((line) => line.length > 80)).toEqual([]);
  expect(checked.filter((line) => line.startsWith("      ")).length).toBeGreaterThan(0);
});

interface Labelled {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
}
