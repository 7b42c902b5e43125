import type { MigrationFiles } from "../ports.ts";
import { holdsOneIdentity } from "./ageFile.ts";
import { createBackups } from "./backups.ts";
import { openJournal } from "./journalFile.ts";
import { secretReads } from "./auditLogFile.ts";
import { destroyFile, readKeyFile, readText, replaceText, rewriteText, writeKeyFile } from "./textFiles.ts";

export function createMigrationFiles(): MigrationFiles {
  const texts = { replaceText, readText, rewriteText, writeKeyFile, readKeyFile, destroyFile };
  return { backups: createBackups(), holdsOneIdentity, openJournal, secretReads, ...texts };
}
