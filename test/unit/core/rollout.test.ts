import { expect, test } from "vitest";
import { isReady, type Rollout } from "../../../src/core/rollout.ts";

const done: Rollout = { generation: 2, observedGeneration: 2, wanted: 3, updated: 3, ready: 3, total: 3 };

test.each<[boolean, string, Partial<Rollout>]>([
  [true, "every replica is new and ready", {}],
  [true, "it is scaled to nothing", { wanted: 0, updated: 0, ready: 0, total: 0 }],
  [true, "the controller is ahead", { observedGeneration: 3 }],
  [false, "the controller has not seen the change", { observedGeneration: 1 }],
  [false, "a replica is of the old template", { updated: 2 }],
  [false, "a replica is not ready", { ready: 2 }],
  [false, "an old pod is still there", { total: 4 }],
])("%s where %s", (expected, _, change) => {
  expect(isReady({ ...done, ...change })).toBe(expected);
});

test("a workload that is gone is not ready", () => {
  expect(isReady(undefined)).toBe(false);
});
