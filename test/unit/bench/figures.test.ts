import { expect, test } from "vitest";
import { worstGrowth } from "../../../bench/figures.ts";

const SIZES = [100, 1_000, 5_000];
const costs = (of: (size: number) => number) => SIZES.map((size) => ({ size, cost: of(size) }));

test.each<[string, (size: number) => number, number]>([
  ["in proportion", (size) => size * 3, 1],
  ["not at all", () => 70, 1 / 5],
  ["with the square", (size) => size ** 2, 10],
  ["with the square in one of its steps only", (size) => (size > 1_000 ? 25_000 : size), 5],
])("what grows %s has this factor", (_, of, factor) => {
  expect(worstGrowth(costs(of), 0)).toBeCloseTo(factor);
});

test("a share that is always there makes it better than linear, and a growing one worse", () => {
  expect(
    worstGrowth(
      costs((size) => 50 + size),
      0,
    ),
  ).toBeLessThan(1);
  expect(
    worstGrowth(
      costs((size) => size * Math.log(size)),
      0,
    ),
  ).toBeGreaterThan(1);
});

test("what is too little to be measured is no reason to see a growth, nor an endless one", () => {
  expect(
    worstGrowth(
      costs(() => 0),
      0.001,
    ),
  ).toBeCloseTo(1 / 5);
  expect(
    worstGrowth(
      costs((size) => (size > 100 ? 0.001 : 0)),
      0.001,
    ),
  ).toBeCloseTo(1 / 5);
});
