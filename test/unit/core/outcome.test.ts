import { expect, test } from "vitest";
import { exitCodeOf, type Outcome } from "../../../src/core/outcome.ts";

const OUTCOMES: Readonly<Record<Outcome["kind"], Outcome>> = {
  inSync: { kind: "inSync" },
  suspended: { kind: "suspended" },
  adopted: { kind: "adopted" },
  pending: { kind: "pending", action: "upgrade", why: "outdated", changes: [] },
  changed: { kind: "changed", why: "outdated", revision: 2, changes: [], restarted: [] },
  held: { kind: "held", holds: [], changes: [] },
  drifted: { kind: "drifted", where: [] },
  corrected: { kind: "corrected", where: [], restarted: [] },
  restored: { kind: "restored", revision: 3, reason: "", changes: [] },
  ineffective: { kind: "ineffective", revision: 2, reason: "", changes: [] },
  failed: { kind: "failed", code: "Internal", message: "" },
};

test.each<[Outcome["kind"][], 0 | 1 | 2]>([
  [[], 0],
  [["inSync", "suspended", "adopted", "changed", "corrected"], 0],
  [["pending"], 2],
  [["held"], 2],
  [["drifted"], 2],
  [["inSync", "held", "changed"], 2],
  [["failed"], 1],
  [["restored"], 1],
  [["ineffective"], 1],
  [["held", "failed", "pending"], 1],
  [["changed", "restored"], 1],
])("%j: exit code %i, whatever the order", (kinds, code) => {
  const outcomes = kinds.map((kind) => OUTCOMES[kind]);
  expect(exitCodeOf(outcomes)).toBe(code);
  expect(exitCodeOf(outcomes.toReversed())).toBe(code);
});
