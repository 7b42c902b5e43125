import { openMigrationFiles } from "../app.ts";
import { restoreBackup } from "../operations/migrate/restoreBackup.ts";
import type { CommandContext, ExitCode } from "./context.ts";
import { chooseKey, confirm } from "./migrateLock.ts";
import { withApp } from "./openApp.ts";
import { wrap } from "./style.ts";

export interface RestoreOptions {
  readonly config: string;
  readonly output: "text" | "json";
  readonly verbose: boolean;
  readonly cluster: string;
  readonly identity?: string;
  readonly passphraseFile?: string;
  readonly overwrite: boolean;
  readonly dryRun: boolean;
  readonly yes: boolean;
}

/** `backup restore`: 0 all as in the backup, 1 a fault, 2 some are newer in the cluster and stay. */
export async function backupRestoreCommand(
  file: string,
  names: readonly string[],
  options: RestoreOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { terminal, signal } = context;
  return await withApp("plan", options, context, async (app): Promise<ExitCode> => {
    const files = await openMigrationFiles();
    const content = await files.backups.read(file, await chooseKey(options, files, terminal, signal), signal);
    const cluster = await app.cluster(options.cluster);
    const look = await restoreBackup(cluster, content, { names, overwrite: options.overwrite, dryRun: true }, signal);
    const wanted = look.filter(({ result }) => result === "made" || result === "overwritten").length;
    const question = `Write ${wanted} Secrets as they were at ${content.at}?`;
    const go = !options.dryRun && wanted > 0 && (await confirm(question, options.yes, terminal, signal));
    const how = { names, overwrite: options.overwrite, dryRun: false };
    const results = go ? await restoreBackup(cluster, content, how, signal) : look;
    if (options.output === "json") {
      terminal.out(`${JSON.stringify({ command: "backup restore", dryRun: !go, results }, undefined, 2)}\n`);
    } else {
      for (const { namespace, name, result, message } of results) {
        const more = message === undefined ? "" : `: ${message}`;
        terminal.out(`${wrap(`${namespace}/${name} ${WORDS[result]}${more}`, terminal.columns, "")}\n`);
      }
      if (!go) terminal.out("Nothing was written.\n");
    }
    if (results.some(({ result }) => result === "failed")) return 1;
    return results.some(({ result }) => result === "newer") ? 2 : 0;
  });
}

const WORDS = {
  equal: "is as in the backup",
  made: "is made again",
  overwritten: "is overwritten",
  newer: "is not as in the backup, and stays (--overwrite replaces it)",
  failed: "failed",
} as const;
