import { digestOf } from "../../core/digest.ts";
import { isThere, type MigrationState } from "../../core/migration/journal.ts";
import type { ImportPath } from "../../core/migration/proposal.ts";
import { toHelmwardenError } from "../../errors.ts";
import { inLanes } from "../lanes.ts";
import { type ImportPorts, LANES } from "./importAll.ts";

/** What is not as it has to be, in words for a person. */
export interface Difference {
  /** `path#key` in the store, or a path alone. */
  readonly where: string;
  readonly what: string;
}

/**
 * Reads everything back from the store, and compares it and what the cluster holds now with the digests of the journal.
 * Writes nothing. Faults of the store are differences too: nothing is proven then.
 */
export async function verifyAll(
  { store, digestKey }: Pick<ImportPorts, "store" | "digestKey">,
  state: MigrationState,
  now: readonly ImportPath[],
  onPath: () => void,
  signal: AbortSignal,
): Promise<readonly Difference[]> {
  const differences: Difference[] = [];
  const cluster = new Map(now.map((one) => [one.path, one.keys]));
  await inLanes([...state.items], LANES, async ([path, { keys, origin }]) => {
    const say = (key: string, what: string): void => void differences.push({ where: `${path}#${key}`, what });
    try {
      const reading = await store.readPath(path, signal);
      for (const [key, digest] of keys) {
        const result = state.results.get(path)?.get(key);
        if (!isThere(result)) {
          say(key, NOT_THERE[result as keyof typeof NOT_THERE] ?? "was not imported");
          continue;
        }
        const held = reading.kind === "found" ? reading.secrets.get(key) : undefined;
        if (held?.kind !== "value") say(key, "is not in the store");
        else if (digestOf(digestKey, held.value) !== digest) say(key, "is another value in the store");
        if (state.deleted.has(path)) continue;
        const live = cluster.get(path)?.get(key);
        if (live === undefined) say(key, `is gone from ${origin} since`);
        else if (digestOf(digestKey, live) !== digest) say(key, `was changed in ${origin} since`);
      }
    } catch (caught) {
      differences.push({ where: path, what: toHelmwardenError(caught).message });
    }
    onPath();
  });
  return differences;
}

const NOT_THERE = {
  conflict: "is another value in the store, which was there before and stays",
  changed: "was changed in the cluster after the plan",
  failed: "could not be written",
} as const;
