import { basename, join } from "node:path";
import { type App, openMigrationFiles } from "../app.ts";
import { parseConfig, readConfigFiles } from "../config/load.ts";
import { type Redirect, type Rewritten, rewriteRefs } from "../config/rewriteRefs.ts";
import { countKeys, isThere, stateOf } from "../core/migration/journal.ts";
import { storePathOf } from "../core/migration/storePath.ts";
import type { ImportPorts } from "../operations/migrate/importAll.ts";
import { importInWaves } from "../operations/migrate/importInWaves.ts";
import { rememberingStore } from "../operations/migrate/readOnce.ts";
import { plain, type StoreInventory } from "../operations/migrate/takeStoreInventory.ts";
import { verifyAll } from "../operations/migrate/verifyAll.ts";
import type { MigrationJournal, Store } from "../ports.ts";
import type { CommandContext, ExitCode } from "./context.ts";
import type { RunOptions } from "./migrateRun.ts";
import { differenceLine, isUnmoved, passOver, recordStage } from "./migrateSteps.ts";
import { requestIn } from "./migrationFolder.ts";
import { createProgress } from "./progress.ts";
import { printResult } from "./results.ts";
import { wrap } from "./style.ts";

/** A migration from store to store. */
export interface Move {
  readonly app: App;
  readonly source: Store;
  readonly target: Store;
  readonly inventory: StoreInventory;
}

/** The folder of the migration, and how its steps are asked for. */
export interface MoveRun {
  readonly journal: MigrationJournal;
  readonly options: RunOptions;
  readonly proveOnly: boolean;
}

type Say = (text: string) => void;

/** Copies, verifies, generates, and plans over what was generated. 0: proven; 2: something differs. */
export async function carryOver(move: Move, run: MoveRun, context: CommandContext): Promise<ExitCode> {
  const { app, source, target, inventory } = move;
  const { journal, options, proveOnly } = run;
  const { terminal, signal } = context;
  const { clock, digestKey } = await app.portsOf(requestIn(journal, options.dir).cluster);
  const ports: ImportPorts = { store: target, journal, clock, digestKey };
  const read = rememberingStore(target);
  const stage = recordStage(journal, clock);
  const say: Say = (text) => {
    if (options.output === "text") terminal.out(`${wrap(text, terminal.columns, "  ").trimStart()}\n`);
  };
  if (!proveOnly) await stage("import", await copy(move, ports, say, context));
  const differences = await verifyAll(
    { ...ports, store: read },
    stateOf(journal.entries),
    inventory.imports,
    () => undefined,
    signal,
  );
  await stage("verify", differences.length === 0);
  const { files, generated } = await rewrite(move, run, signal);
  await stage("generate", true);
  const results = await passOver(app, parseConfig(files, options.config), context, read);
  const moved = results.filter(({ outcome }) => !isUnmoved(outcome));
  await stage("plan", moved.length === 0);

  const ok = differences.length === 0 && moved.length === 0;
  const keys = countKeys(stateOf(journal.entries));
  if (options.output !== "text") {
    const shown = { command: "migrate", ok, keys, generated, differences, results };
    terminal.out(`${JSON.stringify(shown, undefined, 2)}\n`);
    return ok ? 0 : 2;
  }
  for (const difference of differences) terminal.out(`${differenceLine(difference, terminal.columns)}\n`);
  for (const result of moved) printResult(result, terminal);
  for (const { name, refs } of generated) say(`Generated ${name}: ${refs} secret refs lead to ${target.name}.`);
  const proof = `Proven: a sync with the generated files would change none of ${results.length} releases and Secrets.`;
  say(
    `Migrate: ${keys.created} keys copied, ${keys.equal} were there already. ${ok ? proof : "Not proven: see above."} ${source.name} is as it was.`,
  );
  return ok ? 0 : 2;
}

/** False: a wave is not as it has to be, and those behind it were not begun. */
async function copy(
  { inventory: { imports, notes } }: Move,
  ports: ImportPorts,
  say: Say,
  { terminal, signal }: CommandContext,
): Promise<boolean> {
  const known = stateOf(ports.journal.entries).items;
  const planned = imports.filter(({ path }) => known.has(path));
  const progress = createProgress(terminal, "copied", planned.length);
  const on = {
    path({ path, message }: { readonly path: string; readonly message?: string }): void {
      progress.step();
      if (message !== undefined) progress.above(() => say(`${path}: ${message}`));
    },
    lost: (path: string, why: string): void => progress.above(() => say(`${path}: ${why}`)),
  };
  const stopped = await importInWaves(ports, planned, notes, on, signal).finally(progress.end);
  if (stopped.length > 0) say("A wave is not as it has to be: those behind it were not begun.");
  return stopped.length === 0;
}

/** The configuration with its refs to what has arrived; a file without any is not written again. */
async function rewrite(
  { app, source, target }: Move,
  { journal, options: { config, dir } }: MoveRun,
  signal: AbortSignal,
): Promise<{ files: readonly Rewritten[]; generated: readonly { name: string; refs: number }[] }> {
  const { results } = stateOf(journal.entries);
  const rule = app.config.stores.get(target.name)?.provider.kind ?? "vault";
  const redirect: Redirect = ({ store, path, key }) => {
    if (store !== source.name) return undefined;
    const to = storePathOf(plain(path), "", "", rule);
    if (!isThere(results.get(to)?.get(key))) return undefined;
    return { store: target.name, path: rule === "infisical" ? `/${to}` : to };
  };
  const files = (await readConfigFiles([config], signal)).map((file) => rewriteRefs(file, redirect));
  const migrationFiles = await openMigrationFiles();
  const generated: { name: string; refs: number }[] = [];
  for (const { name, text, refs } of files) {
    if (refs === 0) continue;
    const path = join(dir, "generated", basename(name));
    await migrationFiles.replaceText(path, text);
    generated.push({ name: path, refs });
  }
  return { files, generated };
}
