import type { AuditRecord } from "../../core/auditRecord.ts";
import { type MigrationState, secretAt, stateOf } from "../../core/migration/journal.ts";
import { HelmwardenError, toHelmwardenError } from "../../errors.ts";
import type { AuditLog, Clock, Cluster, MigrationJournal } from "../../ports.ts";
import { failureText } from "../failureText.ts";
import type { Difference } from "./verifyAll.ts";
import type { Original } from "./watchOriginals.ts";

export interface DeletePorts {
  readonly cluster: Pick<Cluster, "inventory" | "name">;
  readonly journal: MigrationJournal;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly run: string;
}

/**
 * Deletes raw Secrets that nothing needs any more, each at exactly the version that was looked at. What cannot be
 * deleted is told, and the others go on; without a record of the intent nothing is deleted (AuditUnavailable).
 */
export async function deleteOriginals(
  { cluster, journal, audit, clock, run }: DeletePorts,
  originals: readonly Original[],
  signal: AbortSignal,
): Promise<{ readonly deleted: number; readonly kept: readonly Difference[] }> {
  const kept: Difference[] = [];
  for (const one of originals) {
    if (one.reasons.length > 0) throw new HelmwardenError("Internal", "A Secret that is needed was to be deleted.");
    const { namespace, name, path, resourceVersion } = one;
    const subject = `secret ${cluster.name}/${namespace}/${name}`;
    const record: AuditRecord = { kind: "intent", action: "delete", run, subject, base: resourceVersion, changes: [] };
    signal.throwIfAborted();
    await audit.append(record);
    await journal.append({ step: "deleting", path });
    try {
      await cluster.inventory.remove(one, signal);
    } catch (caught) {
      await audit.append({ ...record, kind: "result", outcome: "failed", reason: failureText(caught) });
      kept.push({ where: `${namespace}/${name}`, what: `stays: ${toHelmwardenError(caught).message}` });
      continue;
    }
    await audit.append({ ...record, kind: "result", outcome: "deleted" });
    await journal.append({ step: "deleted", at: clock.now().toISOString(), path });
  }
  return { deleted: originals.length - kept.length, kept };
}

/**
 * What the journal says has happened, with the deletions of a run that died, or lost its answer, before it could record
 * them: the Secret is gone. They are put on record now, unless this is a dry run.
 */
export async function finishDeletions(
  { cluster, journal, audit, clock, run }: DeletePorts,
  dryRun: boolean,
  signal: AbortSignal,
): Promise<MigrationState> {
  const state = stateOf(journal.entries);
  const gone = new Set(state.deleted);
  for (const path of state.deleting) {
    const secret = secretAt(state.items.get(path)?.origin ?? "");
    if (secret === undefined) continue;
    const { namespace, name } = secret;
    if ((await cluster.inventory.get(namespace, name, signal)) !== undefined) continue;
    gone.add(path);
    if (dryRun) continue;
    const subject = `secret ${cluster.name}/${namespace}/${name}`;
    await audit.append({ kind: "result", action: "delete", run, subject, base: "", changes: [], outcome: "deleted" });
    await journal.append({ step: "deleted", at: clock.now().toISOString(), path });
  }
  return { ...state, deleted: gone };
}
