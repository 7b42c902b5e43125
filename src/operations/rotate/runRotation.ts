import { NO_DIGEST } from "../../core/digest.ts";
import { ownObjectName } from "../../core/objectNames.ts";
import type { RotationOutcome } from "../../core/rotation/outcome.ts";
import { outcomeWordOf, restAfter } from "../../core/rotation/rest.ts";
import type { RotationPolicy } from "../../core/rotation/policy.ts";
import { toHelmwardenError } from "../../errors.ts";
import type { Cluster, Log, Notify, RotationNews, Subject } from "../../ports.ts";
import type { RotatePorts } from "./rotatePorts.ts";
import { type Ask, rotate } from "./rotate.ts";

/** What is beside the rotation itself: exclusion, and whoever is told. */
export interface RotationSurroundings {
  readonly cluster: Pick<Cluster, "withLease" | "statuses" | "events">;
  readonly notify: Notify;
  readonly log: Log;
}

/** Rotates under the policy's own Lease, and tells what came of it. "taken": another process is at it. */
export async function runRotation(
  ports: RotatePorts,
  around: RotationSurroundings,
  policy: RotationPolicy,
  ask: Ask,
  signal: AbortSignal,
): Promise<RotationOutcome | "taken"> {
  const subject = rotationSubject(policy);
  const lease = { namespace: policy.namespace, name: ownObjectName(subject) };
  const held = await around.cluster.withLease(
    lease,
    async (still): Promise<RotationOutcome | "taken"> => {
      const outcome = await outcomeOf(ports, policy, ask, still);
      return still.aborted && !signal.aborted ? "taken" : outcome;
    },
    signal,
  );
  if (held.kind === "taken" || held.result === "taken") return "taken";
  if (held.result.kind !== "notDue") await tell(ports, around, policy, held.result, signal);
  return held.result;
}

/** What the status object and the Events of a policy are about. */
export function rotationSubject({ namespace, name }: RotationPolicy): Subject {
  return { kind: "Rotation", namespace, name };
}

async function outcomeOf(
  ports: RotatePorts,
  policy: RotationPolicy,
  ask: Ask,
  signal: AbortSignal,
): Promise<RotationOutcome> {
  try {
    return await rotate(ports, policy, ask, signal);
  } catch (caught) {
    const { code, message } = toHelmwardenError(caught);
    return { kind: "failed", code, message };
  }
}

const EVENT_OF: Readonly<Record<Exclude<RotationOutcome["kind"], "notDue">, RotationNews["event"]>> = {
  rotated: "retired",
  waiting: "rotated",
  unfinished: "failed",
  rolledBack: "rolledBack",
  failed: "failed",
  refused: "failed",
};

/** Once for each thing that happened: a status that says so already has been told. */
async function tell(
  { clock, run }: RotatePorts,
  { cluster, notify, log }: RotationSurroundings,
  policy: RotationPolicy,
  outcome: Exclude<RotationOutcome, { kind: "notDue" }>,
  signal: AbortSignal,
): Promise<void> {
  const subject = rotationSubject(policy);
  const { kind, message } = outcome;
  const at = clock.now();
  try {
    const known = await cluster.statuses.get(subject, signal);
    const word = outcomeWordOf(outcome);
    const record = { phase: "settled", wanted: NO_DIGEST, revision: 0, outcome: word, reason: message, run } as const;
    // For which due date the alarm has been given: as long as nothing is rotated, it is that one.
    const noted = kind === "rotated" || known?.noted === undefined ? {} : { noted: known.noted };
    const isKnown = kind !== "rotated" && known?.outcome === word && known.reason === message;
    // The time of the last try is kept, also where there is nothing new to be told.
    if (!isKnown || restAfter({ outcome: word, at: at.toISOString() }, at) > 0)
      await cluster.statuses.put(subject, { ...record, ...noted, at: at.toISOString() }, signal);
    if (isKnown) return;
    const isGood = kind === "rotated" || kind === "waiting";
    await cluster.events.emit(subject, isGood ? "Normal" : "Warning", EVENTS[kind], message, signal);
    if (policy.notify === undefined || (kind === "waiting" && known?.outcome === word)) return;
    const news = {
      policy: policy.name,
      namespace: policy.namespace,
      rotation: run,
      event: EVENT_OF[kind],
      message,
      at,
    };
    await notify(policy.notify, news, signal);
  } catch (caught) {
    const { code } = toHelmwardenError(caught);
    log.warn("what came of a rotation could not be told", { policy: policy.name, code });
  }
}

const EVENTS: Readonly<Record<Exclude<RotationOutcome["kind"], "notDue">, string>> = {
  rotated: "Rotated",
  waiting: "RotationWaiting",
  unfinished: "RotationUnfinished",
  rolledBack: "RotationRolledBack",
  failed: "RotationFailed",
  refused: "RotationRefused",
};
