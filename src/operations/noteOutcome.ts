import { NO_DIGEST } from "../core/digest.ts";
import type { Outcome } from "../core/outcome.ts";
import { STALLED, type StatusRecord } from "../core/statusRecord.ts";
import type { Subject } from "../ports.ts";
import type { ReleasePorts } from "./releasePorts.ts";

/**
 * Notes an outcome that wrote nothing (held, drifted, failed, or stalled: no more tried by itself) on the
 * subject's status object, for people and other workers; in sync, the note goes. The rest stays: it says what was done last, and by it a drift is told from a change
 * of the store, and what was taken back is not tried again.
 */
export async function noteOutcome(
  ports: ReleasePorts,
  subject: Subject,
  outcome: Outcome,
  signal: AbortSignal,
  stalled = false,
): Promise<void> {
  const reason = reasonOf(outcome);
  const word = stalled ? STALLED : outcome.kind;
  if (reason === undefined && outcome.kind !== "inSync") return;
  const record = await ports.cluster.statuses.get(subject, signal);
  const { noted, ...done } = record ?? NOTHING_DONE;
  if (noted?.outcome === (reason && word) && noted?.reason === reason) return;
  const note = reason === undefined ? {} : { noted: { outcome: word, reason } };
  const at = ports.clock.now().toISOString();
  await ports.cluster.statuses.put(subject, { ...done, ...note, run: ports.run, at }, signal);
}

const NOTHING_DONE: Omit<StatusRecord, "run" | "at"> = {
  phase: "settled",
  wanted: NO_DIGEST,
  revision: 0,
  outcome: "none",
};

function reasonOf(outcome: Outcome): string | undefined {
  switch (outcome.kind) {
    case "held":
      return outcome.holds.map(({ reason, where }) => `${reason} at ${where}`).join("; ");
    case "drifted":
      return outcome.where.join(", ");
    case "failed":
      return outcome.code;
    case "ineffective":
      return outcome.reason;
    default:
      return undefined;
  }
}
