import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isSuspicious, lossOf } from "../../../src/core/suspicion.ts";

test.each<[string, string, number, boolean]>([
  ["", "", 0.5, false],
  ["", "abc", 0.5, false],
  ["abcd", "abcd", 0, false],
  ["abcd", "wxyz", 0.5, true],
  ["abcd", "abcx", 0.5, false],
  ["abcd", "abx", 0.5, false],
  ["abcd", "ax", 0.5, true],
  ["abcd", "abc", 0, true],
  // Everything is always too much.
  ["a", "", 1, true],
  ["abcd", "", 1, true],
  ["abcd", "a", 1, false],
])("from %j to %j with %d allowed: suspicious is %s", (before, now, maxLoss, expected) => {
  expect(isSuspicious(lossOf(new Set(before), new Set(now)), maxLoss)).toBe(expected);
});

test("what is only added is never suspicious", () => {
  const keys = fc.uniqueArray(fc.string());
  fc.assert(
    fc.property(keys, keys, fc.double({ min: 0, max: 1, noNaN: true }), (before, more, maxLoss) => {
      expect(isSuspicious(lossOf(new Set(before), new Set([...before, ...more])), maxLoss)).toBe(false);
    }),
  );
});
