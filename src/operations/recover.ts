import { formatKey, isPending } from "../core/release.ts";
import type { ReleaseSync } from "../core/spec.ts";
import type { ReleaseReading } from "../ports.ts";
import { RUN_LABEL } from "./apply.ts";
import type { ReleasePorts } from "./releasePorts.ts";

/** Beside helm's own timeout: what SIGTERM, SIGKILL and the clocks of two machines may take. */
const SLACK_MS = 5 * 60_000;

/**
 * Unlocks a release that an upgrade of ours left pending when it was killed, and reads it again. Proven dead: our
 * label with its own revision number, and older than helm could live. Anybody else's lock is left as it is.
 */
export async function recoverDead(
  ports: ReleasePorts,
  spec: ReleaseSync,
  reading: ReleaseReading,
  signal: AbortSignal,
): Promise<ReleaseReading> {
  if (reading.kind !== "found" || !isDead(spec, reading, ports.clock.now())) return reading;
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

/** Did an upgrade of ours leave the release pending, so long ago that no helm of it can live? */
export function isDead({ upgrade }: ReleaseSync, reading: ReleaseReading, now: Date): boolean {
  if (reading.kind !== "found") return false;
  const { last } = reading.release;
  if (!isPending(last.status) || last.labels[RUN_LABEL]?.startsWith(`v${last.revision}-`) !== true) return false;
  return last.changedAt !== undefined && now.getTime() - last.changedAt.getTime() > upgrade.timeoutMs + SLACK_MS;
}
