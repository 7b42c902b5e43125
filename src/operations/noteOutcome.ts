import { NO_DIGEST } from "../core/digest.ts";
import type { Outcome } from "../core/outcome.ts";
import type { Subject } from "../ports.ts";
import type { ReleasePorts } from "./releasePorts.ts";

/**
 * Puts an outcome that wrote nothing (held, drifted, failed) on the subject's status object, for people and other
 * workers. Phase and wanted digest stay: they say what was done, and this was not.
 */
export async function noteOutcome(
  ports: ReleasePorts,
  subject: Subject,
  outcome: Outcome,
  signal: AbortSignal,
): Promise<void> {
  const reason = reasonOf(outcome);
  if (reason === undefined) return;
  const record = await ports.cluster.statuses.get(subject, signal);
  const noted = { outcome: outcome.kind, reason, run: ports.run, at: ports.clock.now().toISOString() };
  if (record?.outcome === noted.outcome && record.reason === reason) return;
  const before = record ?? { phase: "settled" as const, wanted: NO_DIGEST, revision: 0 };
  await ports.cluster.statuses.put(subject, { ...before, ...noted }, signal);
}

function reasonOf(outcome: Outcome): string | undefined {
  switch (outcome.kind) {
    case "held":
      return outcome.holds.map(({ reason, where }) => `${reason} at ${where}`).join("; ");
    case "drifted":
      return outcome.where.join(", ");
    case "failed":
      return outcome.code;
    default:
      return undefined;
  }
}
