import type { Outcome } from "../core/outcome.ts";
import type { ReleaseSync } from "../core/spec.ts";
import { applyWrite, type CheckedUpgrade, isOurs, recordResult, upgradeWrite, type Write } from "./apply.ts";
import { failureText } from "./failureText.ts";
import { putStatus } from "./record.ts";
import type { ReleasePorts } from "./releasePorts.ts";
import { restoreRelease } from "./restore.ts";
import { restartToken } from "./restart.ts";
import { scrubRelease } from "./scrubRelease.ts";
import { settle, type Settled } from "./settle.ts";
import { verifyStored } from "./verify.ts";

/**
 * Makes the upgrade, proves it, restarts who needs it and puts it on record; puts the old values back where the app
 * does not come up with the new ones.
 */
export async function upgradeRelease(
  ports: ReleasePorts,
  spec: ReleaseSync,
  checked: CheckedUpgrade,
  signal: AbortSignal,
): Promise<Outcome> {
  const { upgrade, changes, preflight } = checked;
  const { wanted } = upgrade;
  const write = upgradeWrite(checked);
  const revision = write.lastRevision + 1;
  const settled = await applyAndSettle(ports, spec, checked, write, signal);
  switch (settled.kind) {
    case "restored":
      return await restoreRelease(ports, spec, checked, settled.reason, signal);
    case "notReady":
      await recordResult(ports, spec, write, "notReady", settled.reason);
      if (spec.upgrade.onFailure === "restore")
        return await restoreRelease(ports, spec, checked, settled.reason, signal);
      return {
        kind: "failed",
        code: "VerifyFailed",
        message: `${settled.reason}. The new values stay, as \`onFailure: keep\` says.`,
      };
    case "ineffective":
      await recordResult(ports, spec, write, "ineffective", settled.reason);
      return { kind: "ineffective", revision, reason: settled.reason, changes };
    case "settled": {
      await recordResult(ports, spec, write, "changed");
      const { chart } = preflight;
      const newest = spec.upgrade.scrub
        ? await scrubRelease(ports, spec, { chart, ...upgrade, lastRevision: revision }, signal)
        : revision;
      const done = { phase: "settled", wanted, revision: newest, outcome: "changed", xray: preflight.xray } as const;
      const { putBacks } = checked;
      await putStatus(ports, spec, putBacks === undefined ? done : { ...done, putBacks }, signal);
      return { kind: "changed", why: checked.why, revision: newest, changes, restarted: settled.restarted };
    }
  }
}

/** `restored`: helm failed half-way, and the old values are to be put back. */
type Applied = Settled | { readonly kind: "restored"; readonly reason: string };

async function applyAndSettle(
  ports: ReleasePorts,
  spec: ReleaseSync,
  { upgrade, preflight }: CheckedUpgrade,
  write: Write,
  signal: AbortSignal,
): Promise<Applied> {
  const { wanted, changed, expected } = upgrade;
  const { xray } = preflight;
  const [before] = await Promise.all([
    ports.cluster.workloads.list(spec.key.namespace, signal),
    putStatus(
      ports,
      spec,
      {
        phase: "applying",
        wanted,
        revision: write.lastRevision,
        base: upgrade.base.revision,
        outcome: "applying",
        xray,
      },
      signal,
    ),
  ]);
  try {
    await applyWrite(ports, spec, write, signal);
    const verified = verifyStored(ports, spec, write, upgrade, signal);
    const token = restartToken(wanted, write.lastRevision);
    return await settle(ports, spec, { changed, expected, xray, token, before, verified }, signal);
  } catch (caught) {
    const reason = failureText(caught);
    await recordResult(ports, spec, write, "failed", reason);
    if (spec.upgrade.onFailure === "restore" && (await isHalfApplied(ports, spec, write, signal)))
      return { kind: "restored", reason };
    throw caught;
  }
}

/** Did helm make our revision and fail then? Then objects may hold the new values while Helm builds on the old. */
async function isHalfApplied(
  ports: ReleasePorts,
  spec: ReleaseSync,
  write: Write,
  signal: AbortSignal,
): Promise<boolean> {
  if (signal.aborted) return false;
  const reading = await ports.releases.read(spec.key, signal);
  if (reading.kind !== "found") return false;
  const { last } = reading.release;
  return last.status === "failed" && isOurs(ports, write, last);
}
