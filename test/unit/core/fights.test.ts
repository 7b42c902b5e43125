import { expect, test } from "vitest";
import { afterPutBack, fightHold, type PutBacks } from "../../../src/core/fights.ts";

const at = (minute: number): Date => new Date(Date.UTC(2026, 0, 1) + minute * 60_000);

function putBackAt(...minutes: number[]): PutBacks | undefined {
  return minutes.reduce<PutBacks | undefined>((before, minute) => afterPutBack(before, at(minute)), undefined);
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
  const held = fightHold(putBackAt(...minutes), at(now), "Secret/login");
  expect(held?.reason).toBe(expected ? "owner" : undefined);
});

test("what is long past is forgotten, and no more is kept than tells a fight", () => {
  expect(putBackAt(0, 1, 2, 3, 4)).toEqual([2, 3, 4].map((minute) => at(minute).toISOString()));
  expect(putBackAt(0, 1, 30)).toEqual([at(30).toISOString()]);
});
