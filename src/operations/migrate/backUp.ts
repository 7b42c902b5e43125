import { type DigestKey, digestOf } from "../../core/digest.ts";
import type { BackupLock } from "../../core/migration/backup.ts";
import { type JournalEntry, type MigrationRequest, stateOf } from "../../core/migration/journal.ts";
import type { ImportPath } from "../../core/migration/proposal.ts";
import type { Backups, Clock, MigrationJournal } from "../../ports.ts";
import type { Inventoried } from "./takeInventory.ts";

/** Begins a journal: what was asked, and the digest of every key that is to go into the store. */
export async function beginMigration(
  { journal, clock, digestKey }: { journal: MigrationJournal; clock: Clock; digestKey: DigestKey },
  request: MigrationRequest,
  imports: readonly ImportPath[],
): Promise<void> {
  const items = imports.length;
  await journal.append(
    { step: "begin", at: clock.now().toISOString(), request, items },
    ...itemsOf(imports, digestKey),
  );
}

/** Completes a journal whose first lines a crash or a full disk tore apart: what has no line would be left out for good. */
export async function completeBegin(
  { journal, digestKey }: { journal: MigrationJournal; digestKey: DigestKey },
  imports: readonly ImportPath[],
): Promise<void> {
  if (!stateOf(journal.entries).isBegun) await journal.append(...itemsOf(imports, digestKey));
}

function itemsOf(imports: readonly ImportPath[], digestKey: DigestKey): JournalEntry[] {
  return imports.map(({ path, origin, keys }) => {
    const digests = [...keys].map(([key, value]) => [key, digestOf(digestKey, value)] as const);
    return { step: "item", path, origin, keys: Object.fromEntries(digests) };
  });
}

/** Encrypts the Secrets and the values of the releases into a file, and records it once it has been compared. */
export async function backUp(
  { backups, journal, clock }: { backups: Backups; journal: MigrationJournal; clock: Clock },
  file: string,
  cluster: string,
  { secrets, releases }: Inventoried,
  lock: BackupLock,
  signal: AbortSignal,
): Promise<void> {
  const at = clock.now().toISOString();
  const kept = releases.map(({ key, last, base = last }) => ({
    namespace: key.namespace,
    name: key.name,
    revision: base.revision,
    values: base.config,
  }));
  const { sha256 } = await backups.write(file, { at, cluster, secrets, releases: kept }, lock, signal);
  await journal.append({ step: "backup", at, file, sha256, secrets: secrets.length });
}
