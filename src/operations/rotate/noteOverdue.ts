import { NO_DIGEST } from "../../core/digest.ts";
import type { RotationPolicy } from "../../core/rotation/policy.ts";
import type { StatusObjects } from "../../ports.ts";
import { rotationSubject } from "./runRotation.ts";

const OVERDUE = "overdue";

/**
 * Notes on the policy's status object that the alarm for this due date has been given, so that no restart gives it
 * again. False: it has been.
 */
export async function noteOverdue(
  statuses: StatusObjects,
  policy: RotationPolicy,
  due: string,
  at: Date,
  signal: AbortSignal,
): Promise<boolean> {
  const subject = rotationSubject(policy);
  const known = await statuses.get(subject, signal);
  if (known?.noted?.outcome === OVERDUE && known.noted.reason === due) return false;
  const nothing = { phase: "settled", wanted: NO_DIGEST, revision: 0, outcome: "none", run: "" } as const;
  const record = { at: at.toISOString(), ...(known ?? nothing), noted: { outcome: OVERDUE, reason: due } };
  await statuses.put(subject, record, signal);
  return true;
}
