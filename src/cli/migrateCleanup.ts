import { join } from "node:path";
import { openMigrationFiles } from "../app.ts";
import { systemClock } from "../clock.ts";
import { parseDuration } from "../config/duration.ts";
import { stateOf } from "../core/migration/journal.ts";
import { HelmwardenError } from "../errors.ts";
import type { MigrationFiles } from "../ports.ts";
import type { CommandContext, ExitCode } from "./context.ts";
import { confirm } from "./migrateLock.ts";
import { JOURNAL } from "./migrationFolder.ts";
import { wrap } from "./style.ts";

export interface CleanupOptions {
  readonly output: "text" | "json";
  readonly dir: string;
  readonly yes: boolean;
  readonly dryRun: boolean;
  readonly retention: string;
  readonly destroyKey?: string;
}

const PLAINLY =
  "To overwrite a file proves nothing on an SSD or a copy-on-write file system, and reaches no snapshot or copy of it. What protects: the secrets were never on disk in clear, and without its key no copy of the backup can be opened.";

/**
 * `migrate cleanup`: removes the backup once the retention is over, and its key if told. A file that is not the key of
 * this backup alone is not touched.
 */
export async function migrateCleanupCommand(options: CleanupOptions, context: CommandContext): Promise<ExitCode> {
  const { terminal, signal } = context;
  const retention = parseDuration(options.retention);
  if (retention === undefined)
    throw new HelmwardenError("UsageInvalid", "--retention is a duration such as 30d or 12h.");
  const files = await openMigrationFiles();
  const journal = await files.openJournal(join(options.dir, JOURNAL), "go on");
  try {
    const { backup, stages } = stateOf(journal.entries);
    if (backup === undefined || stages.has("cleanup")) {
      throw new HelmwardenError("UsageInvalid", `There is no backup in ${options.dir} to clean up.`);
    }
    const due = new Date(Date.parse(backup.at) + retention);
    if (systemClock.now() < due) {
      throw new HelmwardenError(
        "UsageInvalid",
        `The backup is kept until ${due.toISOString()}. Give a shorter --retention to remove it now.`,
      );
    }
    if (options.destroyKey !== undefined) await proveKey(options.destroyKey, backup.file, files, signal);
    const key = options.destroyKey === undefined ? "" : ` and its key ${options.destroyKey}`;
    const what = `the backup ${backup.file}${key}`;
    if (options.dryRun) terminal.out(`Dry run: nothing was written. It would remove ${what}.\n`);
    if (options.dryRun || !(await confirm(`Remove ${what}?`, options.yes, terminal, signal))) return 0;
    if (options.destroyKey !== undefined) await files.destroyFile(options.destroyKey);
    await files.destroyFile(backup.file);
    await journal.append({ step: "stage", at: systemClock.now().toISOString(), stage: "cleanup", ok: true });
    if (options.output === "json")
      terminal.out(`${JSON.stringify({ command: "migrate cleanup", removed: backup.file })}\n`);
    else terminal.out(`Removed ${what}.\n${wrap(PLAINLY, terminal.columns, "")}\n`);
    return 0;
  } finally {
    await journal.close();
  }
}

/** What is destroyed cannot be brought back: no file but one that holds a key, and this backup's, is it. */
async function proveKey(path: string, backup: string, files: MigrationFiles, signal: AbortSignal): Promise<void> {
  const file = await files.readKeyFile(path);
  if (!files.holdsOneIdentity(file)) {
    throw new HelmwardenError(
      "UsageInvalid",
      `${path} is not removed: it does not hold just one AGE-SECRET-KEY-1… line. Name the file that has the key of this backup, and no other key.`,
    );
  }
  await files.backups.read(backup, { kind: "identities", file }, signal);
}
