import type { AuditChange, AuditRecord } from "../core/auditRecord.ts";
import type { PutBacks } from "../core/fights.ts";
import type { Change, Upgrade } from "../core/plan.ts";
import { formatKey, type Revision, type StoredRelease } from "../core/release.ts";
import type { JsonObject } from "../core/json.ts";
import type { Sealed } from "../core/secretValue.ts";
import type { ReleaseSync } from "../core/spec.ts";
import { HelmwardenError } from "../errors.ts";
import type { Xray } from "../core/xray.ts";
import type { LocalChart } from "../ports.ts";
import { patchedKeys, putBackKeys } from "./liveDrift.ts";
import type { Preflight } from "./preflight.ts";
import type { ReleasePorts } from "./releasePorts.ts";

/** The label that tells our revisions from others'; it holds the revision, as labels are inherited by later ones. */
export const RUN_LABEL = "helmwarden.dev/run";

/** A planned upgrade that the guards let through. */
export interface CheckedUpgrade {
  readonly why: "outdated" | "drift" | "repair";
  readonly upgrade: Upgrade;
  readonly changes: readonly Change[];
  readonly preflight: Preflight;
  /** For the record, where a drift is put back. */
  readonly putBacks?: PutBacks;
}

/** One helm upgrade, with the record before and after it. */
export interface Write {
  readonly action: "upgrade" | "restore" | "scrub";
  readonly chart: LocalChart;
  readonly overlay: Sealed<JsonObject>;
  readonly changes: readonly Change[];
  /** The newest revision that it was planned on. */
  readonly lastRevision: number;
  /** What is deployed, and where its mapped values were seen to go: keys that somebody patched are taken back first. */
  readonly deployed?: { readonly base: Revision; readonly xray: Xray };
}

/**
 * Intent on record, release read once more, then `helm upgrade`. No record, no write. Throws ReleaseConflict where
 * another helm came first, and helm's own failure otherwise; what was made of it is for verify to find out.
 */
export async function applyWrite(
  ports: ReleasePorts,
  spec: ReleaseSync,
  write: Write,
  signal: AbortSignal,
): Promise<void> {
  const [patched] = await Promise.all([
    write.deployed === undefined ? [] : patchedKeys(ports, spec, write.deployed, signal),
    requireUnmoved(ports, spec, write.lastRevision, signal),
  ]);
  await ports.audit.append(auditRecord(ports, spec, write, "intent"));
  await putBackKeys(ports, spec.key.namespace, patched, signal);
  signal.throwIfAborted();
  const paths = write.changes.map(({ path }) => path).join(", ");
  await ports.helm.upgrade(
    {
      key: spec.key,
      chart: write.chart,
      overlay: write.overlay,
      timeoutMs: spec.upgrade.timeoutMs,
      historyMax: spec.upgrade.historyMax,
      description: `helmwarden ${write.action} ${ports.run}: ${paths === "" ? "no value" : paths}`.slice(0, 200),
      labels: { [RUN_LABEL]: runLabel(write.lastRevision + 1, ports.run) },
    },
    signal,
  );
}

/** `v<revision>-<run>`: proves a revision ours only together with its number. */
export function runLabel(revision: number, run: string): string {
  return `v${revision}-${run}`;
}

/** Is this the revision that the write made? Its number alone could be another helm's. */
export function isOurs(
  ports: Pick<ReleasePorts, "run">,
  { lastRevision }: Pick<Write, "lastRevision">,
  made: Revision,
): boolean {
  const revision = lastRevision + 1;
  return made.revision === revision && made.labels[RUN_LABEL] === runLabel(revision, ports.run);
}

/** The record of what came of a write; append it in any case. */
export async function recordResult(
  ports: ReleasePorts,
  spec: ReleaseSync,
  write: Write,
  outcome: string,
  reason?: string,
): Promise<void> {
  await ports.audit.append({
    ...auditRecord(ports, spec, write, "result"),
    outcome,
    ...(reason === undefined ? {} : { reason }),
  });
}

/** The release as it is now. ReleaseNotFound and ReleaseCorrupt are faults here: it was there a moment ago. */
export async function readAgain(ports: ReleasePorts, spec: ReleaseSync, signal: AbortSignal): Promise<StoredRelease> {
  const reading = await ports.releases.read(spec.key, signal);
  if (reading.kind === "found") return reading.release;
  throw new HelmwardenError(
    "ReleaseNotFound",
    `The release ${formatKey(spec.key)} is gone or unreadable. See \`helm history\`.`,
  );
}

async function requireUnmoved(
  ports: ReleasePorts,
  spec: ReleaseSync,
  lastRevision: number,
  signal: AbortSignal,
): Promise<void> {
  const { last } = await readAgain(ports, spec, signal);
  if (last.revision === lastRevision) return;
  throw new HelmwardenError(
    "ReleaseConflict",
    `Another helm made revision ${last.revision} while this change was planned on ${lastRevision}. Nothing was changed; the next pass plans again.`,
  );
}

function auditRecord(ports: ReleasePorts, spec: ReleaseSync, write: Write, kind: AuditRecord["kind"]): AuditRecord {
  return {
    kind,
    action: write.action,
    run: ports.run,
    subject: `release ${formatKey(spec.key)}`,
    base: String(write.lastRevision),
    changes: write.changes.map(auditChange),
  };
}

export function auditChange({ path, from, to, sources }: Change): AuditChange {
  return { path, ...(from === undefined ? {} : { from }), to, sources };
}

/** The write that a planned upgrade is. */
export function upgradeWrite({ upgrade, changes, preflight }: CheckedUpgrade): Write {
  const { overlay, lastRevision, base } = upgrade;
  return {
    action: "upgrade",
    chart: preflight.chart,
    overlay,
    changes,
    lastRevision,
    deployed: { base, xray: preflight.xray },
  };
}
