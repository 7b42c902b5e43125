import type { Digest } from "./digest.ts";
import type { PutBacks } from "./fights.ts";
import type { Xray } from "./xray.ts";

/**
 * What we last did for one subject. `applying` is written before the first effect, so that a pass that died in the
 * middle is finished (restarts, verification) by the next one even though Helm already holds the wanted values.
 */
export interface StatusRecord {
  readonly phase: "applying" | "settled";
  /** Digest of all wanted values of the subject. */
  readonly wanted: Digest;
  /** Helm revision, or 0 for a Secret. */
  readonly revision: number;
  /** The revision whose values an `applying` upgrade replaces; `revision` may be a later one that failed. */
  readonly base?: number;
  readonly outcome: string;
  readonly reason?: string;
  /** What came of passes since then that wrote nothing: held, drifted, failed. Gone once the subject is in sync. */
  readonly noted?: { readonly outcome: string; readonly reason: string };
  /** When just these values were put back after somebody else had changed them, as far as it tells a fight. */
  readonly putBacks?: PutBacks;
  readonly run: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** Kept for the next change of the same release; see Xray.cacheKey. */
  readonly xray?: Xray;
}

/** Noted of a subject that is not tried again by itself, until its secret, its release or the configuration changes. */
export const STALLED = "stalled";

/** Outcomes after which the subject held the wanted values. */
const HELD_BY = new Set(["changed", "adopted", "corrected"]);

/**
 * The record as far as it can be read without the key that its digest was made with. What it says was done is believed;
 * that it was done for just these values only where they, or a revision that is not ours, stand there now.
 */
export function readWithoutKey(
  record: StatusRecord | undefined,
  wanted: Digest,
  isBelieved: boolean,
): StatusRecord | undefined {
  return record === undefined || !isBelieved ? record : { ...record, wanted };
}

/** Did a pass of ours leave the subject holding just these values? */
export function isSettledAt(record: StatusRecord | undefined, wanted: Digest): boolean {
  return record?.phase === "settled" && record.wanted === wanted && HELD_BY.has(record.outcome);
}
