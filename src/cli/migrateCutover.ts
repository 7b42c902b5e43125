import { join } from "node:path";
import { type App, openHistory, openMigrationFiles } from "../app.ts";
import { parseDuration } from "../config/duration.ts";
import { loadMapping } from "../config/migrationMapping.ts";
import { type MigrationRequest, type MigrationState, secretsLeft, stateOf } from "../core/migration/journal.ts";
import { type ReadTally, tallyReads } from "../core/migration/secretReads.ts";
import { HelmwardenError } from "../errors.ts";
import { countHistory } from "../operations/migrate/countHistory.ts";
import { deleteOriginals, finishDeletions } from "../operations/migrate/deleteOriginals.ts";
import { handOver } from "../operations/migrate/handOver.ts";
import { takeInventory } from "../operations/migrate/takeInventory.ts";
import { watchOriginals } from "../operations/migrate/watchOriginals.ts";
import type { MigrationFiles, MigrationJournal } from "../ports.ts";
import type { CommandContext, ExitCode } from "./context.ts";
import { type CutoverReport, printCutover, printOriginals } from "./cutoverReport.ts";
import { stripFiles } from "./cutoverStrip.ts";
import { confirm } from "./migrateLock.ts";
import { JOURNAL, requestIn } from "./migrationFolder.ts";
import { withApp } from "./openApp.ts";

export interface CutoverOptions {
  readonly config: string;
  readonly output: "text" | "json";
  readonly verbose: boolean;
  readonly dir: string;
  readonly yes: boolean;
  readonly dryRun: boolean;
  readonly stripValues?: readonly string[];
  readonly release?: string;
  readonly handOver: boolean;
  readonly deleteUnread: boolean;
  readonly shadow: string;
  readonly auditLog?: readonly string[];
}

/** What the steps of a cut-over work with. */
export interface Cutover {
  readonly app: App;
  readonly files: MigrationFiles;
  readonly journal: MigrationJournal;
  readonly request: MigrationRequest;
  readonly state: MigrationState;
  readonly options: CutoverOptions;
}

/** `migrate cutover`: 0 all that was asked for is done, 2 something had to stay; it is listed. */
export async function migrateCutoverCommand(options: CutoverOptions, context: CommandContext): Promise<ExitCode> {
  const shadowMs = parseDuration(options.shadow);
  if (shadowMs === undefined) throw new HelmwardenError("UsageInvalid", "--shadow is a duration such as 7d or 12h.");
  const mode = options.dryRun ? "plan" : "sync";
  return await withApp(mode, { ...options, output: "text" }, context, async (app) => {
    const files = await openMigrationFiles();
    const journal = await files.openJournal(join(options.dir, JOURNAL), options.dryRun ? "read" : "go on");
    try {
      const request = requestIn(journal, options.dir);
      requireOfCluster(request);
      requireProven(stateOf(journal.entries));
      const [cluster, ports] = await Promise.all([app.cluster(request.cluster), app.portsOf(request.cluster)]);
      const state = await finishDeletions({ ...ports, cluster, journal }, options.dryRun, context.signal);
      return await cutOver({ app, files, journal, request, state, options }, shadowMs, context);
    } finally {
      await journal.close();
    }
  });
}

async function cutOver(cutover: Cutover, shadowMs: number, context: CommandContext): Promise<ExitCode> {
  const { app, journal, request, state, options } = cutover;
  const { terminal, signal } = context;
  const { clock } = await app.portsOf(request.cluster);
  const begun = state.stages.get("cutover")?.at ?? clock.now().toISOString();
  if (!options.dryRun && !state.stages.has("cutover")) {
    await journal.append({ step: "stage", at: begun, stage: "cutover", ok: true });
  }
  const files = await stripFiles(cutover, context);
  const handedOver = await handOverAll(cutover, context);
  const watched = await watch(cutover, new Date(begun), signal);
  const until = new Date(Date.parse(begun) + shadowMs);
  const isOver = clock.now() >= until;
  const removal = options.deleteUnread && isOver ? await removeUnread(cutover, watched, context) : undefined;
  const report: CutoverReport = {
    command: "migrate cutover",
    dryRun: options.dryRun,
    begun,
    until: until.toISOString(),
    isOver,
    files,
    handedOver,
    ...watched,
    deleted: removal?.deleted ?? 0,
    kept: removal?.kept ?? [],
    mayGo: watched.originals.filter(({ reasons }) => reasons.length === 0).length,
  };
  printCutover(report, options, terminal);
  const stay = options.deleteUnread && (!isOver || watched.originals.some(({ reasons }) => reasons.length > 0));
  const isLeft = handedOver.some(({ result }) => result === "left") || files.some(({ left }) => left.length > 0);
  return stay || isLeft || report.kept.length > 0 ? 2 : 0;
}

async function handOverAll(
  cutover: Cutover,
  { terminal, signal }: CommandContext,
): Promise<CutoverReport["handedOver"]> {
  const { app, request, state, options } = cutover;
  if (!options.handOver) return [];
  const syncs = app.config.secrets.filter(({ cluster }) => cluster === request.cluster);
  const [cluster, ports] = await Promise.all([app.cluster(request.cluster), app.portsOf(request.cluster)]);
  const look = await handOver({ ...ports, cluster }, state, syncs, true, signal);
  const count = look.filter(({ result }) => result === "taken").length;
  const question = `Become an owner of the keys of ${count} Secrets, by server-side apply of what they hold?`;
  if (options.dryRun || count === 0 || !(await confirm(question, options.yes, terminal, signal))) return look;
  return await handOver({ ...ports, cluster }, state, syncs, false, signal);
}

type Watched = Pick<CutoverReport, "originals" | "wideReaders" | "auditSpan" | "history">;

async function watch(
  { app, files, request, state, options }: Cutover,
  since: Date,
  signal: AbortSignal,
): Promise<Watched> {
  const [cluster, ports] = await Promise.all([app.cluster(request.cluster), app.portsOf(request.cluster)]);
  const { paths } = await loadMapping(request.mapping);
  const rule = app.config.stores.get(request.store)?.provider.kind ?? "vault";
  const { namespaces, labelSelector, template } = request;
  const scope = { namespaces, labelSelector, template, secrets: secretsLeft(request, state), rule, paths };
  const inventory = await takeInventory({ cluster, releases: ports.releases }, scope, signal);
  const store = (await app.stores([request.store])).get(request.store);
  if (store === undefined) throw new HelmwardenError("UsageInvalid", `There is no SecretStore ${request.store}.`);
  const reads = await readsIn(files, options.auditLog ?? [], since);
  const { digestKey } = ports;
  const syncs = app.config.secrets.filter((sync) => sync.cluster === request.cluster);
  const originals = await watchOriginals({ store, digestKey, state, inventory, syncs, reads }, signal);
  const history = await countHistory(await openHistory(cluster), digestKey, state, inventory.releases, signal);
  return { originals, wideReaders: reads?.wide ?? [], auditSpan: reads?.span, history };
}

async function readsIn(files: MigrationFiles, logs: readonly string[], since: Date): Promise<ReadTally | undefined> {
  if (logs.length === 0) return undefined;
  async function* all() {
    for (const log of logs) yield* files.secretReads(log);
  }
  return await tallyReads(all(), since);
}

async function removeUnread(
  { app, journal, request, options }: Cutover,
  { originals }: Watched,
  { terminal, signal }: CommandContext,
): Promise<Awaited<ReturnType<typeof deleteOriginals>> | undefined> {
  const unread = originals.filter(({ reasons }) => reasons.length === 0);
  if (options.dryRun || unread.length === 0) return undefined;
  if (options.output === "text") printOriginals(originals, terminal);
  const question = `Delete ${unread.length} raw Secrets that nothing was seen to read? The backup has them, and the store.`;
  if (!(await confirm(question, options.yes, terminal, signal))) return undefined;
  const [cluster, ports] = await Promise.all([app.cluster(request.cluster), app.portsOf(request.cluster)]);
  return await deleteOriginals({ ...ports, cluster, journal }, unread, signal);
}

function requireOfCluster({ from, store }: MigrationRequest): void {
  if (from === undefined) return;
  throw new HelmwardenError(
    "UsageInvalid",
    `This migration went from ${from} to ${store}: put the generated files in the place of the configuration's, and it is cut over.`,
  );
}

/** Only what is proven may be cut over, and only while there is a way back. */
function requireProven({ stages, backup }: MigrationState): void {
  if (backup === undefined || stages.has("cleanup")) {
    throw new HelmwardenError(
      "UsageInvalid",
      "There is no backup of this migration any more: nothing is cut over without one.",
    );
  }
  if (stages.get("verify")?.ok === true && stages.get("plan")?.ok === true) return;
  throw new HelmwardenError("UsageInvalid", "This migration is not proven. `migrate verify` says what differs.");
}
