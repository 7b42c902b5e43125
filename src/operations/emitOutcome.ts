import type { Outcome } from "../core/outcome.ts";
import type { Subject } from "../ports.ts";
import type { ReleasePorts } from "./releasePorts.ts";

/** Tells people by a Kubernetes Event what came of a pass, where something happened. Best effort. */
export async function emitOutcome(
  ports: ReleasePorts,
  subject: Subject,
  outcome: Outcome,
  signal: AbortSignal,
): Promise<void> {
  const event = eventOf(outcome);
  if (event === undefined || signal.aborted) return;
  await ports.cluster.events.emit(subject, event.type, event.reason, event.message, signal);
}

interface PlainEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

function eventOf(outcome: Outcome): PlainEvent | undefined {
  switch (outcome.kind) {
    case "inSync":
    case "suspended":
    case "pending":
      return undefined;
    case "adopted":
      return {
        type: "Normal",
        reason: "Adopted",
        message: "The wanted values were there already; nothing was written.",
      };
    case "changed":
      return {
        type: "Normal",
        reason: "Synced",
        message: `Changed ${outcome.changes.map(({ path }) => path).join(", ")}.`,
      };
    case "held":
      return {
        type: "Warning",
        reason: "Held",
        message: outcome.holds.map(({ reason, where }) => `${reason} at ${where}`).join("; "),
      };
    case "drifted":
      return { type: "Warning", reason: "Drifted", message: `Changed by somebody else: ${outcome.where.join(", ")}.` };
    case "corrected":
      return {
        type: "Normal",
        reason: "Corrected",
        message: `Put back after a change by somebody else: ${outcome.where.join(", ")}.`,
      };
    case "restored":
      return { type: "Warning", reason: "Restored", message: outcome.reason };
    case "ineffective":
      return { type: "Warning", reason: "Ineffective", message: outcome.reason };
    case "failed":
      return { type: "Warning", reason: outcome.code, message: outcome.message };
  }
}
