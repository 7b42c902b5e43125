import type { Config } from "../core/spec.ts";
import { STALLED, type StatusRecord } from "../core/statusRecord.ts";
import type { ErrorCode } from "../errors.ts";

type Noted = NonNullable<StatusRecord["noted"]>;

/** What a person cures where no watch of ours tells of it: a role, a login, a chart, a binary. */
const CURED_UNSEEN: ReadonlySet<string> = new Set<ErrorCode>([
  "ClusterDenied",
  "StoreDenied",
  "StoreInvalid",
  "ChartUnavailable",
  "HelmMissing",
  "HelmUnsupported",
]);

/** By the reason of a comparison: who is not sent for another try although not in sync, as its note says why. */
export const LEFT_ALONE: Readonly<Record<string, (noted: Noted) => boolean>> = {
  resync: ({ outcome, reason }) => outcome === STALLED && !CURED_UNSEEN.has(reason),
  // Comes too often for a next try; what failed has one of its own.
  lost: ({ outcome }) => outcome === STALLED || outcome === "held" || outcome === "failed",
};

/** What waited in a shared queue may be lost (Redis flushed): it is looked for as often as a store is polled. */
export function lostMs({ stores, program }: Config): number {
  return Math.min(program.resyncMs, ...[...stores.values()].map(({ refreshIntervalMs }) => refreshIntervalMs));
}
