import { digestOf } from "../../core/digest.ts";
import { secretAt, stateOf } from "../../core/migration/journal.ts";
import type { SecretValue } from "../../core/secretValue.ts";
import { HelmwardenError, toHelmwardenError } from "../../errors.ts";
import type { Cluster, Store } from "../../ports.ts";
import { inLanes } from "../lanes.ts";
import { type ImportPorts, LANES } from "./importAll.ts";
import type { Difference } from "./verifyAll.ts";

export interface RolledBack {
  readonly removed: number;
  /** What somebody has changed since, or that could not be reached: it stays. */
  readonly kept: readonly Difference[];
}

/** The keys that a path's origin still has; undefined: it is not asked, as for the values of a release. */
export type KeysAtOrigin = (origin: string, signal: AbortSignal) => Promise<ReadonlySet<string> | undefined>;

/**
 * Takes back from the store what this migration put there, as far as it still holds the same bytes, and where it came
 * from still has the key: the last copy stays. `dryRun` counts only.
 */
export async function rollBack(
  ports: ImportPorts & { readonly keysAtOrigin: KeysAtOrigin },
  dryRun: boolean,
  signal: AbortSignal,
): Promise<RolledBack> {
  const { store, journal, digestKey, keysAtOrigin } = ports;
  const { writer } = store;
  if (writer === undefined) throw new HelmwardenError("UsageInvalid", `The store ${store.name} cannot be written to.`);
  const state = stateOf(journal.entries);
  const kept: Difference[] = [];
  let removed = 0;
  await inLanes([...state.intents], LANES, async ([path, keys]) => {
    try {
      signal.throwIfAborted();
      const { origin = "", keys: digests } = state.items.get(path) ?? {};
      const [reading, left] = await Promise.all([store.readPath(path, signal), keysAtOrigin(origin, signal)]);
      const ours = new Map<string, SecretValue>();
      const gone: string[] = [];
      for (const key of keys) {
        const held = reading.kind === "found" ? reading.secrets.get(key) : undefined;
        const keep = (what: string): void => void kept.push({ where: `${path}#${key}`, what });
        if (held === undefined) gone.push(key);
        else if (held.kind !== "value" || digestOf(digestKey, held.value) !== digests?.get(key)) {
          keep("was changed in the store since, and stays");
        } else if (left?.has(key) === false) keep(`stays: ${origin} has it no more, and this is the last copy`);
        else ours.set(key, held.value);
      }
      removed += ours.size;
      if (dryRun) return;
      const isEmptied = reading.kind === "found" && reading.secrets.size === 0;
      const goes = ours.size > 0 || isEmptied;
      const results = goes ? await writer.remove(path, ours, signal) : new Map<string, string>();
      const away = [...gone, ...[...results].flatMap(([key, result]) => (result === "conflict" ? [] : [key]))];
      if (away.length > 0) await journal.append({ step: "removed", path, keys: away });
    } catch (caught) {
      kept.push({ where: path, what: toHelmwardenError(caught).message });
    }
  });
  return { removed, kept };
}

/** Origins as the journal names them: `secret NAMESPACE/NAME`, `path STORE:PATH`, `values of NAMESPACE/NAME`. */
export function originsOf({ inventory }: Pick<Cluster, "inventory">, source: Store | undefined): KeysAtOrigin {
  return async (origin, signal) => {
    const secret = secretAt(origin);
    if (secret !== undefined) {
      return new Set((await inventory.get(secret.namespace, secret.name, signal))?.data.keys());
    }
    if (source === undefined || !origin.startsWith("path ")) return undefined;
    const reading = await source.readPath(origin.replace(`path ${source.name}:`, ""), signal);
    return new Set(reading.kind === "found" ? reading.secrets.keys() : []);
  };
}
