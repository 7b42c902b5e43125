import { join } from "node:path";
import { type App, openMigrationFiles } from "../app.ts";
import { stateOf } from "../core/migration/journal.ts";
import { HelmwardenError } from "../errors.ts";
import { originsOf, rollBack } from "../operations/migrate/rollback.ts";
import type { MigrationJournal } from "../ports.ts";
import type { CommandContext, ExitCode } from "./context.ts";
import { confirm } from "./migrateLock.ts";
import { JOURNAL, requestIn } from "./migrationFolder.ts";
import { withApp } from "./openApp.ts";
import { wrap } from "./style.ts";

export interface RollbackOptions {
  readonly config: string;
  readonly output: "text" | "json";
  readonly verbose: boolean;
  readonly dir: string;
  readonly yes: boolean;
  readonly dryRun: boolean;
}

/** `migrate rollback`: 0 all is taken back, 2 something was changed since and stays. */
export async function migrateRollbackCommand(options: RollbackOptions, context: CommandContext): Promise<ExitCode> {
  return await withApp(options.dryRun ? "plan" : "sync", options, context, async (app) => {
    const files = await openMigrationFiles();
    const journal = await files.openJournal(join(options.dir, JOURNAL), "go on");
    try {
      return await takeBack(app, journal, options, context);
    } finally {
      await journal.close();
    }
  });
}

async function takeBack(
  app: App,
  journal: MigrationJournal,
  options: RollbackOptions,
  { terminal, signal }: CommandContext,
): Promise<ExitCode> {
  const { cluster, store: name, from } = requestIn(journal, options.dir);
  if (stateOf(journal.entries).stages.has("cleanup")) {
    throw new HelmwardenError("UsageInvalid", "This migration was cleaned up: its secrets stay in the store.");
  }
  const stores = await app.stores(from === undefined ? [name] : [name, from]);
  const [store, source] = [stores.get(name), from === undefined ? undefined : stores.get(from)];
  if (store === undefined) return 1;
  const { clock, digestKey } = await app.portsOf(cluster);
  const keysAtOrigin = originsOf(await app.cluster(cluster), source);
  const question = `Remove from ${name} what this migration put there?`;
  if (!options.dryRun && !(await confirm(question, options.yes, terminal, signal))) return 0;
  const { removed, kept } = await rollBack({ store, journal, clock, digestKey, keysAtOrigin }, options.dryRun, signal);
  if (!options.dryRun) {
    await journal.append({ step: "stage", at: clock.now().toISOString(), stage: "rollback", ok: kept.length === 0 });
  }
  if (options.output === "json") {
    terminal.out(`${JSON.stringify({ command: "migrate rollback", dryRun: options.dryRun, removed, kept })}\n`);
  } else {
    for (const { where, what } of kept) {
      terminal.out(`${wrap(`! ${where} ${what}`, terminal.columns, "  ").trimStart()}\n`);
    }
    const would = options.dryRun ? "Dry run: nothing was written. It would take" : "Rolled back: took";
    terminal.out(`${would} ${removed} keys out of ${name}. The cluster's Secrets are as they were.\n`);
    terminal.out("Versions that the store keeps of them are not destroyed; its own tools do that.\n");
  }
  return kept.length === 0 ? 0 : 2;
}
