import { join } from "node:path";
import { type App, openMigrationFiles } from "../app.ts";
import { parseDuration } from "../config/duration.ts";
import { loadMapping } from "../config/migrationMapping.ts";
import { countKeys, type MigrationRequest, secretsLeft, stateOf } from "../core/migration/journal.ts";
import { HelmwardenError } from "../errors.ts";
import { beginMigration, completeBegin } from "../operations/migrate/backUp.ts";
import { finishDeletions } from "../operations/migrate/deleteOriginals.ts";
import { type Inventoried, type Scope, takeInventory } from "../operations/migrate/takeInventory.ts";
import type { MigrationFiles, MigrationJournal } from "../ports.ts";
import type { CommandContext, ExitCode } from "./context.ts";
import { chooseSecrets } from "./chooseSecrets.ts";
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
    const all = await inventoryOf(app, options.cluster, scope, signal);
    if (options.output === "text") printProposal(all.proposal, terminal);
    if (options.dryRun) {
      terminal.out("Dry run: nothing was written.\n");
      return 0;
    }
    const files = await openMigrationFiles();
    const journal = await files.openJournal(join(options.dir, JOURNAL), "begin");
    try {
      requireNew(journal, options.dir);
      const mayChoose = !options.yes && secrets.length === 0;
      const chosen = mayChoose ? await chooseSecrets(all.proposal.secrets, terminal, signal) : undefined;
      const own = { ...scope, secrets: chosen ?? secrets };
      const inventory = chosen === undefined ? all : await inventoryOf(app, options.cluster, own, signal);
      const question = `Import ${inventory.imports.length} paths into ${store.name}?`;
      if (!(await confirm(question, options.yes, terminal, signal))) return 0;
      const request = requestOf(own, store.name, options);
      const { clock, digestKey } = await app.portsOf(options.cluster);
      await beginMigration({ journal, clock, digestKey }, request, inventory.imports);
      return await carryOn({ app, files, journal, request, options }, inventory, context);
    } finally {
      await journal.close();
    }
  });
}

function requestOf(
  { namespaces, labelSelector, secrets, template }: Scope,
  store: string,
  { cluster, mapping, rotate }: RunOptions,
): MigrationRequest {
  return { cluster, namespaces, labelSelector, secrets, template, store, mapping, rotate };
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
  if (options.dryRun) return await showRest(options, context);
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
      const [cluster, ports] = await Promise.all([app.cluster(request.cluster), app.portsOf(request.cluster)]);
      const state = await finishDeletions({ ...ports, cluster, journal }, false, context.signal);
      const secrets = secretsLeft(request, state);
      const scope = { namespaces, labelSelector, secrets, template, rule, paths };
      const inventory = await inventoryOf(app, request.cluster, scope, context.signal);
      await completeBegin({ ...ports, journal }, inventory.imports);
      return await carryOn({ app, files, journal, request, options }, inventory, context, mode === "verify");
    } finally {
      await journal.close();
    }
  });
}

/** `migrate resume --dry-run`: what the journal says is still to be done. */
async function showRest({ dir, output }: RunOptions, { terminal }: CommandContext): Promise<ExitCode> {
  const files = await openMigrationFiles();
  const journal = await files.openJournal(join(dir, JOURNAL), "read");
  await journal.close();
  const { from, store } = requestIn(journal, dir);
  const state = stateOf(journal.entries);
  const { created, equal, ...others } = countKeys(state);
  const again = Object.values(others).reduce((sum, count) => sum + count, 0);
  const backup = from === undefined && state.backup === undefined;
  if (output === "text") {
    const first = backup ? "It would make the backup, then" : "It would";
    terminal.out(
      `${created + equal} keys are in ${store}. ${first} try ${again} keys, verify all, and generate anew.\n`,
    );
    terminal.out("Dry run: nothing was written.\n");
  } else {
    const shown = { command: "migrate resume", dryRun: true, backup, there: created + equal, again };
    terminal.out(`${JSON.stringify(shown)}\n`);
  }
  return 0;
}

async function inventoryOf(app: App, context: string, scope: Scope, signal: AbortSignal): Promise<Inventoried> {
  const [cluster, { releases }] = await Promise.all([app.cluster(context), app.portsOf(context)]);
  return await takeInventory({ cluster, releases }, scope, signal);
}
