import { join } from "node:path";
import type { App } from "../app.ts";
import { loadConfig } from "../config/load.ts";
import { loadMapping } from "../config/migrationMapping.ts";
import { configurationText, infisicalPermissionsText, vaultPolicyText } from "../core/migration/documents.ts";
import { countKeys, type MigrationRequest, type Stage, stateOf } from "../core/migration/journal.ts";
import type { Config } from "../core/spec.ts";
import { backUp } from "../operations/migrate/backUp.ts";
import { type ImportPorts, importAll } from "../operations/migrate/importAll.ts";
import type { Inventoried } from "../operations/migrate/takeInventory.ts";
import { listedSecrets, rememberingStore } from "../operations/migrate/readOnce.ts";
import { type Difference, verifyAll } from "../operations/migrate/verifyAll.ts";
import { type Result, runPass } from "../operations/pass.ts";
import type { Clock, MigrationJournal, Store } from "../ports.ts";
import type { CommandContext, ExitCode } from "./context.ts";
import { chooseLock } from "./migrateLock.ts";
import type { Migration } from "./migrateRun.ts";
import { createProgress } from "./progress.ts";
import { printResult } from "./results.ts";
import { storesOf } from "./select.ts";
import { wrap } from "./style.ts";

const GENERATED = "generated";

/** Everything that the journal does not say is done. `proveOnly` imports nothing. 0: proven; 2: something differs. */
export async function carryOn(
  migration: Migration,
  inventory: Inventoried,
  context: CommandContext,
  proveOnly = false,
): Promise<ExitCode> {
  const { app, journal, request, options } = migration;
  const { terminal } = context;
  const { clock, digestKey } = await app.portsOf(request.cluster);
  const store = (await app.stores([request.store])).get(request.store);
  if (store === undefined) return 1;
  const ports: ImportPorts = { store, journal, clock, digestKey };
  const read = rememberingStore(store);
  const say = (text: string): void => {
    if (options.output === "text") terminal.out(`${text}\n`);
  };
  const stage = recordStage(journal, clock);
  if (!proveOnly) {
    await secure(migration, inventory, context, say);
    await bringIn(ports, inventory, context, say);
    await stage("import", true);
  }
  const differences = await prove({ ...ports, store: read }, inventory, context);
  await stage("verify", differences.length === 0);
  const generated = await generate(migration, inventory);
  await stage("generate", true);
  const results = await planOver(migration, generated, read, context);
  const moved = results.filter(({ outcome }) => !isUnmoved(outcome));
  await stage("plan", moved.length === 0);

  const ok = differences.length === 0 && moved.length === 0;
  if (options.output === "text") {
    for (const difference of differences) terminal.out(`${differenceLine(difference, terminal.columns)}\n`);
    for (const result of moved) printResult(result, terminal);
    say(`Generated ${generated}.`);
    say(summary(stateOf(journal.entries), results.length, ok));
  } else {
    const keys = countKeys(stateOf(journal.entries));
    const shown = { command: "migrate", ok, keys, generated, differences, results };
    terminal.out(`${JSON.stringify(shown, undefined, 2)}\n`);
  }
  return ok ? 0 : 2;
}

/** Writes the last word about a stage into the journal. */
export function recordStage(journal: MigrationJournal, clock: Clock): (stage: Stage, ok: boolean) => Promise<void> {
  return (stage, ok) => journal.append({ step: "stage", at: clock.now().toISOString(), stage, ok });
}

/** The backup, if there is none yet. */
async function secure(
  { app, files, journal, request, options }: Migration,
  inventory: Inventoried,
  { terminal, signal }: CommandContext,
  say: (text: string) => void,
): Promise<void> {
  if (stateOf(journal.entries).backup !== undefined) return;
  const { clock } = await app.portsOf(request.cluster);
  const lock = await chooseLock(options, files, terminal, signal);
  const file = join(
    options.dir,
    `backup-${clock
      .now()
      .toISOString()
      .replaceAll(/[-:]|\.\d+/g, "")}.age`,
  );
  await backUp({ backups: files.backups, journal, clock }, file, request.cluster, inventory, lock, signal);
  say(
    `Backed up ${inventory.secrets.length} Secrets and the values of ${inventory.releases.length} releases to ${file}.`,
  );
}

async function bringIn(
  ports: ImportPorts,
  { imports }: Inventoried,
  { terminal, signal }: CommandContext,
  say: (text: string) => void,
): Promise<void> {
  const known = stateOf(ports.journal.entries).items;
  const planned = imports.filter(({ path }) => known.has(path));
  const progress = createProgress(terminal, "imported", planned.length);
  await importAll(
    ports,
    planned,
    ({ path, message }) => {
      progress.step();
      if (message !== undefined) progress.above(() => say(`${path}: ${message}`));
    },
    signal,
  ).finally(progress.end);
}

async function prove(
  ports: ImportPorts,
  { imports }: Inventoried,
  { terminal, signal }: CommandContext,
): Promise<readonly Difference[]> {
  const state = stateOf(ports.journal.entries);
  const progress = createProgress(terminal, "verified", state.items.size);
  return await verifyAll(ports, state, imports, progress.step, signal).finally(progress.end);
}

/** The documents of what is in the store, and what a login needs to read it; gives the configuration's path. */
async function generate(
  { app, files, journal, request, options }: Migration,
  { proposal }: Inventoried,
): Promise<string> {
  const state = stateOf(journal.entries);
  const { charts } = await loadMapping(request.mapping);
  const { store, cluster, rotate } = request;
  const path = join(options.dir, GENERATED, "helmwarden.yaml");
  await files.replaceText(
    path,
    configurationText({ proposal, state, store, cluster, charts, rotate, known: knownIn(app, request) }),
  );
  const provider = app.config.stores.get(store)?.provider;
  if (provider?.kind === "vault") {
    const policy = vaultPolicyText(state, provider.mount, provider.version);
    await files.replaceText(join(options.dir, GENERATED, "vault-policy.hcl"), policy);
  } else if (provider !== undefined) {
    const permissions = infisicalPermissionsText(state, provider.environment);
    await files.replaceText(join(options.dir, GENERATED, "infisical-permissions.txt"), permissions);
  }
  return path;
}

function knownIn({ config }: App, { cluster, store }: MigrationRequest): ReadonlySet<string> {
  const releases = config.releases.filter(({ key }) => key.cluster === cluster);
  const secrets = config.secrets.filter((one) => one.cluster === cluster);
  return new Set([
    ...releases.map(({ key }) => `release ${key.namespace}/${key.name}`),
    ...secrets.map(({ namespace, secret }) => `secret ${namespace}/${secret}`),
    ...config.rotations
      .filter(({ secret }) => secret.store === store)
      .map(({ secret }) => `rotation ${secret.path.replace(/^\//, "")}#${secret.key}`),
  ]);
}

/** The plan over the generated documents: the proof that to cut over changes nothing. */
async function planOver(
  { app, options }: Migration,
  generated: string,
  store: Store,
  context: CommandContext,
): Promise<readonly Result[]> {
  const config = await loadConfig([options.config, generated], context.signal);
  return await passOver(app, config, context, store);
}

/** A plan over all of a configuration; `store` goes in the place of the one of its name. */
export async function passOver(
  app: App,
  { releases, secrets, program }: Config,
  { terminal, signal }: CommandContext,
  store: Store,
): Promise<readonly Result[]> {
  const stores = new Map([...(await app.stores(storesOf({ releases, secrets }))), [store.name, store]]);
  const portsOf = once(async (name) => {
    const [cluster, ports] = await Promise.all([app.cluster(name), app.portsOf(name)]);
    const namespaces = new Set(secrets.filter((one) => one.cluster === name).map(({ namespace }) => namespace));
    return { ...ports, cluster: { ...ports.cluster, secrets: await listedSecrets(cluster, namespaces, signal) } };
  });
  const progress = createProgress(terminal, "planned", releases.length + secrets.length);
  const { concurrency } = program.queue;
  const input = { mode: "plan", releases, secrets, concurrency, stores, portsOf } as const;
  return await runPass(input, progress.step, signal).finally(progress.end);
}

/** Nothing to do, or only to put on record what is there. */
export function isUnmoved(outcome: Result["outcome"]): boolean {
  return outcome.kind === "inSync" || (outcome.kind === "pending" && outcome.action === "adopt");
}

/** A difference on lines for a person. */
export function differenceLine({ where, what }: Difference, columns: number): string {
  return wrap(`! ${where} ${what}`, columns, "  ").trimStart();
}

function summary(state: ReturnType<typeof stateOf>, planned: number, ok: boolean): string {
  const { created, equal, conflict, changed, failed, waiting } = countKeys(state);
  const bad = conflict + changed + failed + waiting;
  const counts = `${created} keys imported, ${equal} were there already, ${bad} left out`;
  return ok
    ? `Migrate: ${counts}. Proven: a sync would adopt all ${planned} releases and Secrets, and change nothing.`
    : `Migrate: ${counts}. Not proven: see above. The originals are as they were.`;
}

function once<T>(make: (name: string) => Promise<T>): (name: string) => Promise<T> {
  const made = new Map<string, Promise<T>>();
  return (name) => {
    const known = made.get(name) ?? make(name);
    made.set(name, known);
    return known;
  };
}
