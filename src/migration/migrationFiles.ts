import type { Backups, MigrationJournal } from "../ports.ts";
import type { SecretValue } from "../core/secretValue.ts";
import { createBackups } from "./backups.ts";
import { openJournal } from "./journalFile.ts";
import { destroyFile, readKeyFile, replaceText, writeKeyFile } from "./textFiles.ts";

/** All that a migration keeps on this machine. */
export interface MigrationFiles {
  readonly backups: Backups;
  readonly openJournal: (path: string, how: "read" | "write") => Promise<MigrationJournal>;
  readonly replaceText: (path: string, text: string) => Promise<void>;
  readonly writeKeyFile: (path: string, identity: SecretValue, recipient: string) => Promise<void>;
  readonly readKeyFile: (path: string) => Promise<SecretValue>;
  readonly destroyFile: (path: string) => Promise<void>;
}

export function createMigrationFiles(): MigrationFiles {
  return { backups: createBackups(), openJournal, replaceText, writeKeyFile, readKeyFile, destroyFile };
}
