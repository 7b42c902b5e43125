import { expect, test } from "vitest";
import { afterPutBack, isFight, type PutBacks } from "../../../src/core/fights.ts";

const MINUTE = 60_000;

function putBackAt(...minutes: number[]): PutBacks {
  return minutes.reduce<PutBacks>((before, minute) => afterPutBack(before, minute * MINUTE), []);
}

test.each<[number[], number, boolean]>([
  [[], 0, false],
  [[0, 1], 1, false],
  [[0, 1, 2], 2, true],
  [[0, 1, 2], 9.9, true],
  [[0, 1, 2], 10, false],
  [[0, 6, 12], 12, false],
  [[0, 6, 12, 13], 13, true],
])("put back at minutes %j: at %d it is a fight: %s", (minutes, now, expected) => {
  expect(isFight(putBackAt(...minutes), now * MINUTE)).toBe(expected);
});

test("what is long past is forgotten", () => {
  expect(putBackAt(...Array.from({ length: 1_000 }, (_, index) => index))).toHaveLength(10);
});
