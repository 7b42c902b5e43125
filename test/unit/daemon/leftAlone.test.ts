import { expect, test } from "vitest";
import { LEFT_ALONE } from "../../../src/daemon/leftAlone.ts";

const left = (reason: string, outcome: string, code: string): boolean | undefined =>
  LEFT_ALONE[reason]?.({ outcome, reason: code });

test("a resync tries again what a person cures where no watch tells of it, and no other that has stalled", () => {
  expect(left("resync", "stalled", "UpgradeFailed")).toBe(true);
  expect(left("resync", "stalled", "VerifyFailed")).toBe(true);
  expect(left("resync", "stalled", "ClusterDenied")).toBe(false);
  expect(left("resync", "stalled", "ChartUnavailable")).toBe(false);
  expect(left("resync", "held", "missing at token")).toBe(false);
  expect(left("resync", "failed", "StoreUnavailable")).toBe(false);
});

test("a look for lost work, which comes every minute, is no next try of what failed, stalled or is held", () => {
  for (const outcome of ["failed", "stalled", "held"]) expect(left("lost", outcome, "ClusterDenied")).toBe(true);
  expect(left("lost", "drifted", "token")).toBe(false);
});

test("a start leaves nobody alone", () => {
  expect(left("start", "stalled", "Internal")).toBeUndefined();
});
