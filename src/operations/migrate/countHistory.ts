import type { DigestKey } from "../../core/digest.ts";
import { revisionHolds } from "../../core/migration/historyHolds.ts";
import type { MigrationState } from "../../core/migration/journal.ts";
import type { StoredRelease } from "../../core/release.ts";
import type { ReadHistory } from "../../ports.ts";

export interface HistoryCount {
  readonly release: string;
  readonly revisions: number;
  /** How many of them hold at least one migrated value. */
  readonly holding: number;
}

/** What Helm's storage keeps of the migrated values, by release; those that hold none are left out. Writes nothing. */
export async function countHistory(
  readHistory: ReadHistory,
  digestKey: DigestKey,
  { items }: MigrationState,
  releases: readonly StoredRelease[],
  signal: AbortSignal,
): Promise<readonly HistoryCount[]> {
  const digests = new Set([...items.values()].flatMap(({ keys }) => [...keys.values()]));
  const counts: HistoryCount[] = [];
  for (const { key } of releases) {
    const revisions = await readHistory(key, signal);
    const holding = revisions.filter((revision) => revisionHolds(digestKey, revision, digests)).length;
    if (holding > 0) counts.push({ release: `${key.namespace}/${key.name}`, revisions: revisions.length, holding });
  }
  return counts;
}
