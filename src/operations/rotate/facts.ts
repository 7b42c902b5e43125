import type { RotationPolicy } from "../../core/rotation/policy.ts";
import { isMarked } from "../../core/rotation/state.ts";
import { decide, type RotationFacts } from "../../core/rotation/schedule.ts";
import type { RotatedSecret } from "./rotatedSecret.ts";

/**
 * Derived, not stored: from our own record beside the secret, and before there is one from the store's version time.
 * A change by hand counts only where the policy says so.
 */
export function factsOf(policy: RotationPolicy, { state, value, updatedAt }: RotatedSecret): RotationFacts {
  const { attempt, rotatedAt } = state;
  const rotating = attempt !== undefined;
  if (attempt?.finishedAt !== undefined) return { lastRotated: attempt.finishedAt, rotating };
  const isForeign = rotatedAt === undefined || (policy.countStoreChanges && !isMarked(state, value));
  return { lastRotated: isForeign ? (updatedAt ?? rotatedAt) : rotatedAt, rotating };
}

/** May a rotation start now, by these facts? */
export function isDueNow(policy: RotationPolicy, secret: RotatedSecret, now: Date): boolean {
  const { state, nextAt } = decide(policy, factsOf(policy, secret), now);
  return (state === "due" || state === "overdue") && nextAt !== undefined && nextAt <= now;
}
