import { describe, expect, test } from "vitest";
import type { Terminal } from "../../../src/cli/context.ts";
import { jsonResults, printResult, printSummary } from "../../../src/cli/results.ts";
import type { Digest } from "../../../src/core/digest.ts";
import type { Outcome } from "../../../src/core/outcome.ts";
import type { Change } from "../../../src/core/plan.ts";
import type { Result } from "../../../src/operations/pass.ts";

const subject = { kind: "Release", namespace: "apps", name: "blog" } as const;
const digest = (start: string): Digest => start.padEnd(32, "0") as Digest;
const changes: Change[] = [
  { path: "db.password", from: digest("aaaabbbbcccc"), to: digest("111122223333"), sources: ["vault:apps/blog#DB@4"] },
  { path: "api.key", from: undefined, to: digest("44445555"), sources: ["vault:a#b@1", "infisical:/c#d@2"] },
];
const holds = [
  {
    reason: "regeneration",
    where: "Secret/blog root",
    message:
      "The upgrade would change this, and no mapped value explains it: the chart draws it at random. Put the live value into the store and map it.",
  },
] as const;

function terminalOf(columns = 80, color = false): Terminal & { readonly text: () => string } {
  const parts: string[] = [];
  const out = (text: string): void => void parts.push(text);
  return { out, err: out, color, interactive: false, columns, rows: undefined, text: () => parts.join("") };
}

function shown(outcome: Outcome, result: Partial<Result> = {}, columns = 80): string {
  const terminal = terminalOf(columns);
  printResult({ subject, cluster: "default", outcome, ...result }, terminal);
  return terminal.text();
}

describe("what people read, at 80 columns without colour", () => {
  test("nothing of what is in sync", () => {
    expect(shown({ kind: "inSync" })).toBe("");
  });

  test("a planned upgrade: each path with digests and sources, never a value", () => {
    expect(shown({ kind: "pending", action: "upgrade", why: "outdated", changes })).toBe(`\
release apps/blog  to upgrade (outdated: the store has another value)
  ~ db.password  aaaabbbb -> 11112222
      vault:apps/blog#DB@4
  + api.key  (none) -> 44445555
      vault:a#b@1
      infisical:/c#d@2

`);
  });

  test("a hold: reason, place, and what to do, wrapped", () => {
    expect(shown({ kind: "held", holds, changes: changes.slice(0, 1) })).toBe(`\
release apps/blog  held
  ~ db.password  aaaabbbb -> 11112222
      vault:apps/blog#DB@4
  ! regeneration  Secret/blog root
      The upgrade would change this, and no mapped value explains it: the chart
      draws it at random. Put the live value into the store and map it.

`);
  });

  test("a fault", () => {
    const message = "The cluster could not be reached. It is tried again later, with growing delays in between.";
    expect(shown({ kind: "failed", code: "ClusterUnavailable", message })).toBe(`\
release apps/blog  failed (ClusterUnavailable)
    The cluster could not be reached. It is tried again later, with growing
    delays in between.

`);
  });

  test.each<[Outcome, string]>([
    [{ kind: "adopted" }, "release apps/blog  adopted: the wanted values were there already\n\n"],
    [{ kind: "suspended" }, "release apps/blog  suspended\n\n"],
    [
      { kind: "changed", why: "outdated", revision: 7, changes: [], restarted: ["Deployment/web"] },
      "release apps/blog  changed: revision 7, restarted Deployment/web\n\n",
    ],
    [
      { kind: "changed", why: "missing", revision: 0, changes: [], restarted: [] },
      "release apps/blog  changed: written\n\n",
    ],
    [
      { kind: "restored", revision: 8, reason: "Deployment/web did not become ready", changes: [] },
      "release apps/blog  restored\n    Deployment/web did not become ready\n\n",
    ],
    [
      { kind: "ineffective", revision: 8, reason: "It kept its own.", changes: [] },
      "release apps/blog  ineffective\n    It kept its own.\n\n",
    ],
  ])("%j", (outcome, text) => {
    expect(shown(outcome)).toBe(text);
  });

  test("another cluster is named, the one we run in is not; a Secret is called one", () => {
    expect(shown({ kind: "suspended" }, { cluster: "prod" })).toMatch(/^release prod apps\/blog {2}/);
    expect(shown({ kind: "suspended" }, { subject: { ...subject, kind: "Secret" } })).toMatch(/^secret apps\/blog {2}/);
  });

  test.each([40, 80, 100])("no line is wider than %i columns", (columns) => {
    const outcomes: Outcome[] = [
      { kind: "held", holds, changes },
      { kind: "pending", action: "adopt", why: "unfinished", changes: [] },
      {
        kind: "changed",
        why: "outdated",
        revision: 7,
        changes: [],
        restarted: ["Deployment/web", "StatefulSet/database"],
      },
    ];
    const lines = outcomes.flatMap((outcome) => shown(outcome, {}, columns).split("\n"));
    expect(lines.filter((line) => line.length > columns)).toEqual([]);
  });

  test("colours carry nothing that the text does not", () => {
    const [plain, colored] = [terminalOf(), terminalOf(80, true)];
    for (const terminal of [plain, colored])
      printResult({ subject, cluster: "default", outcome: { kind: "held", holds, changes } }, terminal);
    // oxlint-disable-next-line no-control-regex -- the colours are what is taken away
    expect(colored.text().replaceAll(/\u001B\[\d+m/g, "")).toBe(plain.text());
    expect(colored.text()).not.toBe(plain.text());
    expect(plain.text()).not.toContain("\u001B");
  });
});

describe("the last line", () => {
  test.each<["plan" | "sync", Outcome[], string]>([
    ["plan", [], "Plan: nothing is configured.\n"],
    [
      "sync",
      [{ kind: "inSync" }, { kind: "held", holds: [], changes: [] }, { kind: "inSync" }],
      "Sync: 2 in sync, 1 held.\n",
    ],
    ["plan", [{ kind: "pending", action: "upgrade", why: "drift", changes: [] }], "Plan: 1 to change.\n"],
  ])("%s %j", (mode, outcomes, line) => {
    const terminal = terminalOf();
    printSummary(
      mode,
      outcomes.map((outcome) => ({ subject, cluster: "default", outcome })),
      terminal,
    );
    expect(terminal.text()).toBe(line);
  });
});

test("programs read what it is about and what came of it, side by side", () => {
  const results: Result[] = [
    { subject, cluster: "default", outcome: { kind: "inSync" } },
    {
      subject: { ...subject, kind: "Secret" },
      cluster: "prod",
      outcome: { kind: "pending", action: "apply", why: "missing", changes: changes.slice(0, 1) },
    },
  ];
  const text = jsonResults("plan", results, false);
  expect(text.endsWith("}\n")).toBe(true);
  expect(JSON.parse(text)).toEqual({ command: "plan", results });
});
