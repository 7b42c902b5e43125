import { join } from "node:path";
import { type App, openMigrationFiles } from "../app.ts";
import { parseDuration } from "../config/duration.ts";
import { loadMapping } from "../config/migrationMapping.ts";
import { type MigrationRequest, secretsLeft, stateOf } from "../core/migration/journal.ts";
import { HelmwardenError } from "../errors.ts";
import { beginMigration } from "../operations/migrate/backUp.ts";
import { type Inventoried, takeInventory } from "../operations/migrate/takeInventory.ts";
import type { MigrationFiles, MigrationJournal } from "../ports.ts";
import type { CommandContext, ExitCode } from "./context.ts";
import { chosenBy, type MigrateOptions, requireNoScope } from "./migrate.ts";
import { confirm, type LockOptions } from "./migrateLock.ts";
import { printProposal } from "./migratePlan.ts";
import { carryOn } from "./migrateSteps.ts";
import { JOURNAL, requestIn, requireNew } from "./migrationFolder.ts";
import { withApp } from "./openApp.ts";

export interface RunOptions extends MigrateOptions, LockOptions {
  readonly dir: string;
  readonly yes: boolean;
  readonly dryRun: boolean;
  readonly rotate?: string;
}

/** What the steps of one migration work with. */
export interface Migration {
  readonly app: App;
  readonly files: MigrationFiles;
  readonly journal: MigrationJournal;
  readonly request: MigrationRequest;
  readonly options: RunOptions;
}

/** `migrate run`: plan, backup, import, verify, generate, plan over what was generated. */
export async function migrateRunCommand(
  secrets: readonly string[],
  options: RunOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { terminal, signal } = context;
  if (options.from !== undefined) {
    requireNoScope(secrets, options);
    return await (await import("./migrateStores.ts")).migrateStoresCommand("run", options, context);
  }
  return await withApp(options.dryRun ? "plan" : "sync", { ...options, output: "text" }, context, async (app) => {
    const { scope, store } = await chosenBy(secrets, options, app);
    requireRotation(options.rotate);
    if (store === undefined) throw new HelmwardenError("UsageInvalid", "Name the store to import into: --to STORE.");
    const inventory = await inventoryOf(app, options.cluster, scope, signal);
    if (options.output === "text") printProposal(inventory.proposal, terminal);
    if (options.dryRun) {
      terminal.out("Dry run: nothing was written.\n");
      return 0;
    }
    const files = await openMigrationFiles();
    const journal = await files.openJournal(join(options.dir, JOURNAL), "begin");
    try {
      requireNew(journal, options.dir);
      const question = `Import ${inventory.imports.length} paths into ${store.name}?`;
      if (!(await confirm(question, options.yes, terminal, signal))) return 0;
      const request: MigrationRequest = {
        cluster: options.cluster,
        namespaces: scope.namespaces,
        labelSelector: scope.labelSelector,
        secrets,
        template: scope.template,
        store: store.name,
        mapping: options.mapping,
        rotate: options.rotate,
      };
      const { clock, digestKey } = await app.portsOf(options.cluster);
      await beginMigration({ journal, clock, digestKey }, request, inventory.imports);
      return await carryOn({ app, files, journal, request, options }, inventory, context);
    } finally {
      await journal.close();
    }
  });
}

function requireRotation(every: string | undefined): void {
  if (every === undefined) return;
  const ms = parseDuration(every);
  const [shortest = 0, longest = 0] = [parseDuration("1h"), parseDuration("3650d")];
  if (ms !== undefined && ms >= shortest && ms <= longest) return;
  throw new HelmwardenError("UsageInvalid", "--rotate is a duration between 1h and 3650d, such as 90d.");
}

/** `migrate resume` and `migrate verify`: goes on with what the journal says, or only proves it again. */
export async function migrateResumeCommand(
  mode: "resume" | "verify",
  options: RunOptions,
  context: CommandContext,
): Promise<ExitCode> {
  return await withApp("sync", { ...options, output: "text" }, context, async (app) => {
    const files = await openMigrationFiles();
    const journal = await files.openJournal(join(options.dir, JOURNAL), "go on");
    try {
      const request = requestIn(journal, options.dir);
      if (request.from !== undefined) {
        const { goOnWithStores } = await import("./migrateStores.ts");
        return await goOnWithStores({ app, journal, options, proveOnly: mode === "verify" }, context);
      }
      const { paths } = await loadMapping(request.mapping);
      const rule = app.config.stores.get(request.store)?.provider.kind ?? "vault";
      const { namespaces, labelSelector, template } = request;
      const secrets = secretsLeft(request, stateOf(journal.entries));
      const scope = { namespaces, labelSelector, secrets, template, rule, paths };
      const inventory = await inventoryOf(app, request.cluster, scope, context.signal);
      return await carryOn({ app, files, journal, request, options }, inventory, context, mode === "verify");
    } finally {
      await journal.close();
    }
  });
}

async function inventoryOf(
  app: App,
  context: string,
  scope: Parameters<typeof takeInventory>[1],
  signal: AbortSignal,
): Promise<Inventoried> {
  const [cluster, { releases }] = await Promise.all([app.cluster(context), app.portsOf(context)]);
  return await takeInventory({ cluster, releases }, scope, signal);
}
