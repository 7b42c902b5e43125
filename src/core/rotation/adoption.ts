import type { JsonObject } from "../json.ts";
import { type DataKey, isReadAtStart, readsOf } from "../readers.ts";
import type { Sealed } from "../secretValue.ts";

/** The kubelet brings a mounted Secret up to date within a minute, and a little. */
const VOLUME_SYNC_MS = 90_000;

/** A pod, as far as it matters for whether it runs with a new value. */
export interface Adopter {
  readonly namespace: string;
  readonly name: string;
  readonly spec: Sealed<JsonObject>;
  readonly startedAt: Date | undefined;
}

/** How many pods read the new value, of how many that read the key at all. */
export interface Adoption {
  readonly readers: number;
  /** `namespace/name` of the pods that may still run with the old one. */
  readonly old: readonly string[];
}

/**
 * Which pods run with what the keys hold since `since`? What is read at start (env, subPath) is new in containers that
 * started since; a volume is new everywhere after the kubelet's turn. A pod that has not started will read the new one.
 */
export function adoptionOf(
  pods: readonly Adopter[],
  keys: readonly (DataKey & { readonly namespace: string })[],
  since: Date,
  now: Date,
): Adoption {
  const readers = pods.flatMap((pod) => {
    const own = keys.filter(({ namespace }) => namespace === pod.namespace);
    const reads = own.flatMap((key) => readsOf({ spec: pod.spec.open() }, key)).filter((by) => by !== "imagePull");
    return reads.length === 0 ? [] : [{ pod, atStart: reads.some(isReadAtStart) }];
  });
  const isSynced = now.getTime() - since.getTime() >= VOLUME_SYNC_MS;
  const old = readers.filter(({ pod, atStart }) => {
    if (pod.startedAt === undefined || pod.startedAt >= since) return false;
    return atStart || !isSynced;
  });
  return { readers: readers.length, old: old.map(({ pod }) => `${pod.namespace}/${pod.name}`) };
}
