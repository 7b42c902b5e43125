import { RETRY } from "../../errors.ts";
import type { StatusRecord } from "../statusRecord.ts";
import type { RotationOutcome } from "./outcome.ts";

const MINUTE = 60_000;

/**
 * For how long a policy is left alone by the daemon after what came of the last try, in milliseconds. What made an app
 * fail for a moment is not repeated before a person has had a day to look; a person's `rotate --now` never waits.
 */
const REST_MS: Readonly<Record<string, number>> = {
  interrupted: MINUTE,
  unfinished: 10 * MINUTE,
  refused: 60 * MINUTE,
  failed: 60 * MINUTE,
  rolledBack: 24 * 60 * MINUTE,
};

/** What the status object says: `interrupted` where trouble may pass. */
export function outcomeWordOf(outcome: RotationOutcome): string {
  return outcome.kind === "failed" && RETRY[outcome.code] !== "never" ? "interrupted" : outcome.kind;
}

/** What is left of the rest now. */
export function restAfter(last: Pick<StatusRecord, "outcome" | "at"> | undefined, now: Date): number {
  if (last === undefined) return 0;
  const until = Date.parse(last.at) + (REST_MS[last.outcome] ?? 0);
  return Math.max(0, until - now.getTime());
}
