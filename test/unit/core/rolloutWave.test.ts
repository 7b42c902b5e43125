import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { afterSubject, beginWave, isOver, startNext, type Wave } from "../../../src/core/rolloutWave.ts";
import type { RolloutSpec, ShareOrCount } from "../../../src/core/spec.ts";

type Result = Parameters<typeof afterSubject>[2];

const subjects = (count: number): string[] => Array.from({ length: count }, (_, index) => `s${index}`);
const count = (most: number): ShareOrCount => ({ kind: "count", count: most });
const share = (part: number): ShareOrCount => ({ kind: "share", share: part });

/** Runs a wave to where it stands still, each of what is under way with the result that is given for it. */
function play(
  total: number,
  settings: RolloutSpec,
  resultOf: (subject: string) => Result,
): { steps: string[][]; wave: Wave } {
  const steps: string[][] = [];
  let wave = beginWave(subjects(total));
  for (;;) {
    const next = startNext(wave, settings);
    wave = next.wave;
    if (next.start.length > 0) steps.push([...next.start]);
    if (wave.underWay.size === 0) return { steps, wave };
    for (const subject of wave.underWay) wave = afterSubject(wave, subject, resultOf(subject));
  }
}

const sizes = (steps: readonly string[][]): number[] => steps.map(({ length }) => length);

describe("the canaries first, then as many as may be unavailable", () => {
  test.each<[number, number, ShareOrCount, number[]]>([
    [1, 1, share(0.25), [1]],
    [10, 1, share(0.25), [1, 3, 3, 3]],
    [10, 0, share(0.25), [3, 3, 3, 1]],
    [10, 2, count(5), [2, 5, 3]],
    [3, 9, count(1), [3]],
    [100, 1, share(0.001), [1, ...Array.from({ length: 99 }, () => 1)]],
    [0, 1, count(1), []],
  ])("%i subjects, canary %i, %o: %j", (total, canary, maxUnavailable, expected) => {
    const { steps, wave } = play(total, { canary, maxUnavailable }, () => "healthy");
    expect(sizes(steps)).toEqual(expected);
    expect(isOver(wave)).toBe(true);
  });
});

test("a canary that is not healthy holds the rest until it is", () => {
  const settings = { canary: 1, maxUnavailable: count(2) };
  const { steps, wave } = play(5, settings, () => "unhealthy");
  expect(steps).toEqual([["s0"]]);
  expect([wave.failed, isOver(wave)]).toEqual(["s0", false]);
  expect(afterSubject(wave, "s0", "unhealthy")).toBe(wave);
  expect(afterSubject(wave, "s3", "healthy")).toBe(wave);
  expect(startNext(afterSubject(wave, "s0", "healthy"), settings).start).toEqual(["s1", "s2"]);
});

test("a canary that could not be touched proves nothing: the next is the canary", () => {
  const { steps, wave } = play(6, { canary: 1, maxUnavailable: count(3) }, (subject) =>
    subject === "s0" || subject === "s1" ? "untouched" : "healthy",
  );
  expect(steps).toEqual([["s0"], ["s1"], ["s2"], ["s3", "s4", "s5"]]);
  expect(isOver(wave)).toBe(true);
});

test("whatever comes of each: none starts twice, never too many at once, nothing more after a failure", () => {
  const results = fc.array(fc.constantFrom<Result>("healthy", "healthy", "healthy", "untouched", "unhealthy"), {
    minLength: 1,
    maxLength: 40,
  });
  fc.assert(
    fc.property(results, fc.nat(5), fc.integer({ min: 1, max: 9 }), (each, canary, most) => {
      const resultOf = (subject: string): Result => each[Number(subject.slice(1))]!;
      const { steps, wave } = play(each.length, { canary, maxUnavailable: count(most) }, resultOf);
      const started = steps.flat();
      expect(new Set(started).size).toBe(started.length);
      let healthy = 0;
      for (const step of steps) {
        expect(step.length).toBeLessThanOrEqual(healthy >= Math.min(canary, each.length) ? most : canary);
        healthy += step.filter((subject) => resultOf(subject) === "healthy").length;
      }
      const failed = steps.findIndex((step) => step.some((subject) => resultOf(subject) === "unhealthy"));
      const isWhole = started.length === each.length && isOver(wave);
      expect(failed === -1 ? isWhole : failed === steps.length - 1).toBe(true);
    }),
  );
});
