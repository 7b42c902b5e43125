import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { HoldReason } from "../../../src/core/hold.ts";
import { hold } from "../../../src/core/hold.ts";
import type { Outcome } from "../../../src/core/outcome.ts";
import { backoffMs, nextAfter } from "../../../src/core/retry.ts";
import { type ErrorCode, RETRY } from "../../../src/errors.ts";

const SETTINGS = { firstMs: 1_000, mostMs: 60_000, attempts: 3 };
const failed = (code: ErrorCode): Outcome => ({ kind: "failed", code, message: "" });
const held = (...reasons: HoldReason[]): Outcome => ({
  kind: "held",
  holds: reasons.map((reason) => hold(reason, "token", "")),
  changes: [],
});

test.each<[string, Outcome, string]>([
  ["in sync", { kind: "inSync" }, "done"],
  ["adopted", { kind: "adopted" }, "done"],
  ["drifted", { kind: "drifted", where: [] }, "done"],
  ["held for a person", held("statefulCredential", "empty"), "done"],
  ["held for somebody's lock", held("empty", "locked"), "again"],
  ["restored", { kind: "restored", revision: 3, reason: "", changes: [] }, "stalled"],
  ["ineffective", { kind: "ineffective", revision: 2, reason: "", changes: [] }, "stalled"],
])("%s: what is next", (_, outcome, next) => {
  expect(nextAfter(outcome, 1, SETTINGS, 0.5).kind).toBe(next);
});

/** What follows the first three attempts; without jitter. */
const FOLLOWS = {
  // However long it lasts.
  outage: [
    { kind: "again", delayMs: 750, attempt: 2 },
    { kind: "again", delayMs: 1_500, attempt: 3 },
    { kind: "again", delayMs: 3_000, attempt: 4 },
  ],
  never: [{ kind: "stalled" }, { kind: "stalled" }, { kind: "stalled" }],
  // Nobody's fault: as often as it takes, and the count stays.
  after: [1, 2, 3].map((attempt) => ({ kind: "again", delayMs: 15_000, attempt })),
  backoff: [
    { kind: "again", delayMs: 750, attempt: 2 },
    { kind: "again", delayMs: 1_500, attempt: 3 },
    { kind: "stalled" },
  ],
};

test.each(Object.entries(RETRY))("a failure with %s follows its rule, %s", (code, rule) => {
  const next = [1, 2, 3].map((attempt) => nextAfter(failed(code as ErrorCode), attempt, SETTINGS, 0.5));
  expect(next).toEqual(FOLLOWS[rule]);
});

test("a delay doubles up to its limit, and is never less than half of that, whatever the numbers", () => {
  const numbers = fc.record({
    attempt: fc.integer({ min: 1, max: 10_000 }),
    firstMs: fc.integer({ min: 100, max: 3_600_000 }),
    mostMs: fc.integer({ min: 3_600_000, max: 86_400_000 }),
    random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  });
  fc.assert(
    fc.property(numbers, ({ attempt, firstMs, mostMs, random }) => {
      const full = Math.min(mostMs, firstMs * 2 ** (attempt - 1));
      const delay = backoffMs(attempt, { firstMs, mostMs }, random);
      expect(delay).toBeGreaterThanOrEqual(Math.floor(full / 2));
      expect(delay).toBeLessThanOrEqual(Math.ceil(full));
    }),
  );
});
