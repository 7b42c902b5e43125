import { expect, test } from "vitest";
import type { RotationOutcome } from "../../../../src/core/rotation/outcome.ts";
import { outcomeWordOf, restAfter } from "../../../../src/core/rotation/rest.ts";

const AT = "2026-11-23T00:00:00.000Z";
const later = (ms: number): Date => new Date(Date.parse(AT) + ms);

const CASES: readonly (readonly [RotationOutcome, number])[] = [
  [{ kind: "rotated", message: "" }, 0],
  [{ kind: "waiting", message: "pods" }, 0],
  [{ kind: "unfinished", message: "a release failed" }, 600_000],
  [{ kind: "refused", message: "held" }, 3_600_000],
  [{ kind: "rolledBack", message: "" }, 86_400_000],
  [{ kind: "failed", code: "TargetUnavailable", message: "" }, 60_000],
  [{ kind: "failed", code: "TargetRefused", message: "" }, 3_600_000],
];

test.each(CASES)("after %j the daemon rests for %i ms, and not longer", (outcome, ms) => {
  const last = { outcome: outcomeWordOf(outcome), at: AT };
  expect(restAfter(last, later(0))).toBe(ms);
  expect(restAfter(last, later(Math.max(0, ms - 1)))).toBe(Math.min(ms, 1));
  expect(restAfter(last, later(ms + 1))).toBe(0);
});

test("a policy of which nothing is known may begin", () => {
  expect(restAfter(undefined, later(0))).toBe(0);
});
