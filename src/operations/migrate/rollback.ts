import { digestOf } from "../../core/digest.ts";
import { stateOf } from "../../core/migration/journal.ts";
import type { SecretValue } from "../../core/secretValue.ts";
import { HelmwardenError, toHelmwardenError } from "../../errors.ts";
import type { Store } from "../../ports.ts";
import { inLanes } from "../lanes.ts";
import { type ImportPorts, LANES } from "./importAll.ts";
import type { Difference } from "./verifyAll.ts";

export interface RolledBack {
  readonly removed: number;
  /** What somebody has changed since, or that could not be reached: it stays. */
  readonly kept: readonly Difference[];
}

/**
 * Takes back from the store what this migration put there, as far as it still holds the same bytes, and the Secret that
 * it came from was not deleted since. `dryRun` counts only.
 */
export async function rollBack(
  ports: ImportPorts & { readonly source?: Store | undefined },
  dryRun: boolean,
  signal: AbortSignal,
): Promise<RolledBack> {
  const { store, journal, digestKey, source } = ports;
  const { writer } = store;
  if (writer === undefined) throw new HelmwardenError("UsageInvalid", `The store ${store.name} cannot be written to.`);
  const state = stateOf(journal.entries);
  const kept: Difference[] = [];
  let removed = 0;
  await inLanes([...state.intents], LANES, async ([path, keys]) => {
    if (state.deleted.has(path)) {
      kept.push({ where: path, what: "stays: its Secret was deleted at the cut-over, so that this is the last copy" });
      return;
    }
    try {
      signal.throwIfAborted();
      const reading = await store.readPath(path, signal);
      const origin = await keysIn(source, state.items.get(path)?.origin, signal);
      const ours = new Map<string, SecretValue>();
      const gone: string[] = [];
      for (const key of keys) {
        const held = reading.kind === "found" ? reading.secrets.get(key) : undefined;
        const digest = state.items.get(path)?.keys.get(key);
        if (held === undefined) gone.push(key);
        else if (origin?.has(key) === false) kept.push({ where: `${path}#${key}`, what: `stays: ${LAST_COPY}` });
        else if (held.kind === "value" && digestOf(digestKey, held.value) === digest) ours.set(key, held.value);
        else kept.push({ where: `${path}#${key}`, what: "was changed in the store since, and stays" });
      }
      removed += ours.size;
      if (dryRun) return;
      const results = ours.size === 0 ? new Map<string, string>() : await writer.remove(path, ours, signal);
      const away = [...gone, ...[...results].flatMap(([key, result]) => (result === "conflict" ? [] : [key]))];
      if (away.length > 0) await journal.append({ step: "removed", path, keys: away });
    } catch (caught) {
      kept.push({ where: path, what: toHelmwardenError(caught).message });
    }
  });
  return { removed, kept };
}

const LAST_COPY = "the store that it came from has it no more";

/** What the source still has of a path that came from another store; undefined: it came from a cluster. */
async function keysIn(
  source: Store | undefined,
  origin: string | undefined,
  signal: AbortSignal,
): Promise<ReadonlySet<string> | undefined> {
  if (source === undefined || origin === undefined) return undefined;
  const reading = await source.readPath(origin.replace(`path ${source.name}:`, ""), signal);
  return new Set(reading.kind === "found" ? reading.secrets.keys() : []);
}
