import { type App, openMigrationFiles } from "../app.ts";
import { join } from "node:path";
import type { MigrationRequest } from "../core/migration/journal.ts";
import { refsOf } from "../core/spec.ts";
import { HelmwardenError } from "../errors.ts";
import { beginMigration, completeBegin } from "../operations/migrate/backUp.ts";
import { expandPaths } from "../operations/migrate/expandPaths.ts";
import { takeStoreInventory } from "../operations/migrate/takeStoreInventory.ts";
import type { CommandContext, ExitCode, Terminal } from "./context.ts";
import { chosenStore } from "./migrate.ts";
import { confirm } from "./migrateLock.ts";
import type { RunOptions } from "./migrateRun.ts";
import { JOURNAL, requestIn, requireNew } from "./migrationFolder.ts";
import { withApp } from "./openApp.ts";
import { carryOver, type Move, type MoveRun } from "./storeSteps.ts";
import { table, wrap } from "./style.ts";

/** `migrate plan --from` and `migrate run --from`: what the configuration reads from one store goes to another. */
export async function migrateStoresCommand(
  step: "plan" | "run",
  options: RunOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { terminal, signal } = context;
  const isPlan = step === "plan" || options.dryRun;
  return await withApp(isPlan ? "plan" : "sync", { ...options, output: "text" }, context, async (app) => {
    const [from, to] = [chosenStore(options.from, app), chosenStore(options.to, app)];
    if (from === undefined || to === undefined || from === to) {
      throw new HelmwardenError("UsageInvalid", "Name two different stores: --from store:ONE --to store:OTHER.");
    }
    const move = await moveOf(app, from.name, to.name, options.storePath ?? [], signal);
    if (options.output === "text") printMoved(move, terminal);
    else if (isPlan) {
      const shown = { command: "migrate plan", from: from.name, to: to.name, paths: move.inventory.paths };
      const isYaml = options.output === "yaml";
      terminal.out(isYaml ? (await import("yaml")).stringify(shown) : `${JSON.stringify(shown, undefined, 2)}\n`);
    }
    if (isPlan) {
      if (options.dryRun) terminal.out("Dry run: nothing was written.\n");
      return 0;
    }
    const { imports } = move.inventory;
    const question = `Copy ${imports.length} paths from ${from.name} into ${to.name}?`;
    const files = await openMigrationFiles();
    const journal = await files.openJournal(join(options.dir, JOURNAL), "begin");
    try {
      requireNew(journal, options.dir);
      if (!(await confirm(question, options.yes, terminal, signal))) return 0;
      const { clock, digestKey } = await app.portsOf(options.cluster);
      await beginMigration({ journal, clock, digestKey }, requestOf(options, from.name, to.name), imports);
      return await carryOver(move, { journal, options, proveOnly: false }, context);
    } finally {
      await journal.close();
    }
  });
}

function requestOf({ cluster, storePath = [] }: RunOptions, from: string, store: string): MigrationRequest {
  return { cluster, namespaces: [], secrets: [], template: "", store, from, paths: storePath };
}

/** `migrate resume` and `migrate verify` of such a migration. */
export async function goOnWithStores(run: MoveRun & { readonly app: App }, context: CommandContext): Promise<ExitCode> {
  const { from = "", store, paths = [], cluster } = requestIn(run.journal, run.options.dir);
  const move = await moveOf(run.app, from, store, paths, context.signal);
  const { digestKey } = await run.app.portsOf(cluster);
  await completeBegin({ journal: run.journal, digestKey }, move.inventory.imports);
  return await carryOver(move, run, context);
}

async function moveOf(app: App, from: string, to: string, more: readonly string[], signal: AbortSignal): Promise<Move> {
  const stores = await app.stores([from, to]);
  const [source, target] = [stores.get(from), stores.get(to)];
  if (source === undefined || target === undefined) {
    throw new HelmwardenError("UsageInvalid", `There are no SecretStores ${from} and ${to} in the configuration.`);
  }
  const { releases, secrets, rotations } = app.config;
  const sources = [...releases.flatMap(({ values }) => values), ...secrets.flatMap(({ data }) => data)];
  const refs = [...sources.flatMap((one) => refsOf(one.source)), ...rotations.map(({ secret }) => secret)];
  const named = await expandPaths(source, more, signal);
  const paths = [...refs.filter(({ store }) => store === from).map(({ path }) => path), ...named];
  if (paths.length === 0) {
    throw new HelmwardenError(
      "UsageInvalid",
      `The configuration reads nothing from ${from}. Name paths of it: --store-path PATH.`,
    );
  }
  const rule = app.config.stores.get(to)?.provider.kind ?? "vault";
  return { app, source, target, inventory: await takeStoreInventory(source, paths, rule, signal) };
}

function printMoved({ inventory: { paths }, source, target }: Move, { out, columns }: Terminal): void {
  const rows = paths.map(({ from, to, keys }) => [
    from,
    keys.map(({ key, bytes }) => `${key} (${bytes})`).join(", "),
    to,
  ]);
  out(`${table([[`FROM ${source.name}`, "KEYS (BYTES)", `TO ${target.name}`], ...rows])}\n\n`);
  for (const { from, left } of paths)
    for (const why of left) out(`${wrap(`! ${from}: ${why}`, columns, "  ").trimStart()}\n`);
  const keys = paths.reduce((sum, one) => sum + one.keys.length, 0);
  out(`Migrate plan: ${paths.length} paths with ${keys} keys from ${source.name} to ${target.name}.\n`);
}
