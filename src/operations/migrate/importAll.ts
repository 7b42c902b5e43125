import { type DigestKey, digestOf } from "../../core/digest.ts";
import { isThere, type KeyResult, type MigrationState, stateOf } from "../../core/migration/journal.ts";
import type { ImportPath } from "../../core/migration/proposal.ts";
import type { SecretValue } from "../../core/secretValue.ts";
import { HelmwardenError, toHelmwardenError } from "../../errors.ts";
import type { Clock, MigrationJournal, Store, StoreWriter } from "../../ports.ts";
import { inLanes } from "../lanes.ts";

export interface ImportPorts {
  readonly store: Store;
  readonly journal: MigrationJournal;
  readonly clock: Clock;
  readonly digestKey: DigestKey;
}

export interface PathDone {
  readonly path: string;
  readonly keys: Readonly<Record<string, KeyResult>>;
  /** Why keys failed. */
  readonly message?: string;
}

/** Paths that are worked on at a time. */
export const LANES = 8;
const THROTTLED_TIMES = 20;
const THROTTLED_MS = 5_000;

/**
 * Brings every key of the journal's items into the store, where it is not there yet: each path is recorded before and
 * after. What differs in the store, or has changed in the cluster since, stops that key only; a path that is denied,
 * or refused, that path only. A store that is away ends it all: throws, and a later call goes on.
 */
export async function importAll(
  ports: ImportPorts,
  imports: readonly ImportPath[],
  onPath: (done: PathDone) => void,
  signal: AbortSignal,
): Promise<void> {
  const { writer } = ports.store;
  if (writer === undefined) {
    throw new HelmwardenError("UsageInvalid", `The store ${ports.store.name} cannot be written to. Name another one.`);
  }
  const state = stateOf(ports.journal.entries);
  let fault: HelmwardenError | undefined;
  await inLanes(imports, LANES, async (one) => {
    if (fault !== undefined) return;
    try {
      signal.throwIfAborted();
      onPath(await importPath(ports, writer, state, one, signal));
    } catch (caught) {
      fault ??= toHelmwardenError(caught);
    }
  });
  if (fault !== undefined) throw fault;
}

async function importPath(
  ports: ImportPorts,
  writer: StoreWriter,
  state: MigrationState,
  { path, keys }: ImportPath,
  signal: AbortSignal,
): Promise<PathDone> {
  const { journal, digestKey } = ports;
  const item = state.items.get(path)?.keys ?? new Map<string, string>();
  const before = state.results.get(path);
  const results = new Map<string, KeyResult>();
  const pending = new Map<string, SecretValue>();
  for (const [key, digest] of item) {
    const result = before?.get(key);
    const value = keys.get(key);
    if (result !== undefined && isThere(result)) results.set(key, result);
    else if (value === undefined || digestOf(digestKey, value) !== digest) results.set(key, "changed");
    else pending.set(key, value);
  }
  const done = (message?: string): PathDone => ({
    path,
    keys: Object.fromEntries(results),
    ...(message === undefined ? {} : { message }),
  });
  if (pending.size === 0 && [...results].every(([key, result]) => before?.get(key) === result)) return done();
  let message: string | undefined;
  try {
    // Made by a run, or a call, that ended before it could say so.
    const ours = new Set(state.intents.get(path));
    const made = await patiently(ports.clock, signal, () => create(ports, writer, path, pending, ours, signal));
    for (const [key, result] of made) results.set(key, result === "equal" && ours.has(key) ? "created" : result);
  } catch (caught) {
    const error = toHelmwardenError(caught);
    if (!["StoreDenied", "StoreInvalid", "ConfigInvalid"].includes(error.code)) throw error;
    ({ message } = error);
    for (const key of pending.keys()) results.set(key, "failed");
  }
  await journal.append({ step: "imported", path, keys: Object.fromEntries(results) });
  return done(message);
}

async function create(
  { store, journal }: ImportPorts,
  writer: StoreWriter,
  path: string,
  pending: ReadonlyMap<string, SecretValue>,
  ours: Set<string>,
  signal: AbortSignal,
) {
  const reading = await store.readPath(path, signal);
  const absent = [...pending.keys()].filter((key) => reading.kind !== "found" || !reading.secrets.has(key));
  if (absent.length > 0) await journal.append({ step: "intent", path, keys: absent });
  try {
    return await writer.create(path, pending, signal);
  } catch (caught) {
    for (const key of absent) ours.add(key);
    throw caught;
  }
}

/** Waits as long as a store asks that throttles us. */
async function patiently<T>(clock: Clock, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (let times = 1; ; times += 1) {
    try {
      return await work();
    } catch (caught) {
      const isThrottled = caught instanceof HelmwardenError && caught.code === "StoreThrottled";
      if (!isThrottled || times === THROTTLED_TIMES) throw caught;
      const asked = caught.detail["retryAfterMs"];
      await clock.sleep(typeof asked === "number" ? asked : THROTTLED_MS, signal);
    }
  }
}
