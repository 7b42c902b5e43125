import * as fc from "fast-check";
import { expect, test } from "vitest";
import { afterFailure, type Circuit, CLOSED, isOpen } from "../../../src/core/circuit.ts";

function afterFailures(count: number, now = 0): Circuit {
  return Array.from({ length: count }).reduce<Circuit>((circuit) => afterFailure(circuit, now), CLOSED);
}

test.each([
  [0, 0],
  [4, 0],
  [5, 10_000],
  [6, 20_000],
  [9, 160_000],
  [10, 300_000],
  [1_000, 300_000],
])("after %i failures in a row it rests for %i ms", (failures, pauseMs) => {
  const circuit = afterFailures(failures, 7);
  expect(isOpen(circuit, 7)).toBe(pauseMs > 0);
  expect(isOpen(circuit, 7 + pauseMs - 1)).toBe(pauseMs > 0);
  expect(isOpen(circuit, 7 + pauseMs)).toBe(false);
});

test("it always lets a call through again, and never rests longer than five minutes", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1_000_000)), (times) => {
      let [now, circuit] = [0, CLOSED];
      for (const passed of times) circuit = afterFailure(circuit, (now += passed));
      expect(isOpen(circuit, now + 300_000)).toBe(false);
      expect(circuit.failures).toBe(times.length);
    }),
  );
});
