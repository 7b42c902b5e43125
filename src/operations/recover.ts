import { formatKey, isPending } from "../core/release.ts";
import type { ReleaseSync } from "../core/spec.ts";
import type { ReleaseReading } from "../ports.ts";
import { RUN_LABEL, runLabel } from "./apply.ts";
import type { ReleasePorts } from "./releasePorts.ts";

/** Beside helm's own timeout: what SIGTERM, SIGKILL and the clocks of two machines may take. */
const SLACK_MS = 5 * 60_000;

/**
 * Unlocks a release that an upgrade of ours left pending when it was killed or cut off, and reads it again. Proven
 * dead: our label with its own revision number, and either this very run made it (under the Lease that we hold, so that
 * its helm has ended) or it is older than helm could live. Anybody else's lock is left as it is.
 */
export async function recoverDead(
  ports: ReleasePorts,
  spec: ReleaseSync,
  reading: ReleaseReading,
  signal: AbortSignal,
): Promise<ReleaseReading> {
  if (reading.kind !== "found" || !isDead(ports, spec, reading)) return reading;
  const { last } = reading.release;
  const record = {
    action: "recover" as const,
    run: ports.run,
    subject: `release ${formatKey(spec.key)}`,
    base: String(last.revision),
    changes: [],
    reason: last.status,
  };
  await ports.audit.append({ ...record, kind: "intent" });
  await ports.releases.unlock(reading.release, signal);
  await ports.audit.append({ ...record, kind: "result", outcome: "unlocked" });
  return await ports.releases.read(spec.key, signal);
}

/** Did an upgrade of ours leave the release pending, of which no helm can live? For whoever holds the Lease, or will. */
export function isDead(
  { clock, run }: Pick<ReleasePorts, "clock" | "run">,
  { upgrade }: ReleaseSync,
  reading: ReleaseReading,
): boolean {
  if (reading.kind !== "found") return false;
  const { last } = reading.release;
  const label = last.labels[RUN_LABEL];
  if (!isPending(last.status) || label?.startsWith(`v${last.revision}-`) !== true) return false;
  if (label === runLabel(last.revision, run)) return true;
  return last.changedAt !== undefined && +clock.now() - +last.changedAt > upgrade.timeoutMs + SLACK_MS;
}
