import { type MigrationRequest, stateOf } from "../core/migration/journal.ts";
import { HelmwardenError } from "../errors.ts";
import type { MigrationJournal } from "../ports.ts";

/** In the folder of a migration, beside its backup and what it generates. */
export const JOURNAL = "journal.jsonl";

/** What was asked for when the migration in this folder began. UsageInvalid where none did. */
export function requestIn(journal: MigrationJournal, dir: string): MigrationRequest {
  const { request } = stateOf(journal.entries);
  if (request !== undefined) return request;
  throw new HelmwardenError("UsageInvalid", `No migration has begun in ${dir}. Begin one with \`migrate run\`.`);
}

/** UsageInvalid where one has begun: a folder is for one migration. */
export function requireNew(journal: MigrationJournal, dir: string): void {
  if (journal.entries.length === 0) return;
  throw new HelmwardenError(
    "UsageInvalid",
    `There is a migration in ${dir} already. Go on with it by \`migrate resume\`, or name another --dir.`,
  );
}
