import type { MigrationFiles } from "../ports.ts";
import { createBackups } from "./backups.ts";
import { openJournal } from "./journalFile.ts";
import { destroyFile, readKeyFile, replaceText, writeKeyFile } from "./textFiles.ts";

export function createMigrationFiles(): MigrationFiles {
  return { backups: createBackups(), openJournal, replaceText, writeKeyFile, readKeyFile, destroyFile };
}
