import type { JsonObject } from "../json.ts";
import { type DataKey, isReadAtStart, readsOf } from "../readers.ts";
import type { Sealed } from "../secretValue.ts";
import { type Literal, literalIn, type Renewal } from "./literal.ts";

/** So long the kubelet may hold on to what it has read of a Secret: in volumes, and for containers started anew. */
const KUBELET_MS = 90_000;

/** A pod, as far as it matters for whether it runs with a new value. */
export interface Adopter {
  readonly namespace: string;
  readonly name: string;
  readonly spec: Sealed<JsonObject>;
  /** By the API server's clock. */
  readonly createdAt: Date;
  /** By its node's. */
  readonly startedAt: Date | undefined;
}

/** Where pods find a rotated secret. */
export interface Carriers {
  readonly keys: readonly (DataKey & { readonly namespace: string })[];
  readonly literals: readonly Literal[];
}

/** How many pods read the new value, of how many that read the key at all. */
export interface Adoption {
  readonly readers: number;
  /** `namespace/name` of the pods that may still run with the old one. */
  readonly old: readonly string[];
}

/**
 * Which pods run with what the keys hold since `since`? What is read at start (env, subPath) is new in pods that are
 * new; a volume is new everywhere after the kubelet's turn. A pod that has not started will read the new one. What
 * stands in a pod's own spec stays there as long as the pod does.
 */
export function adoptionOf(
  pods: readonly Adopter[],
  { keys, literals }: Carriers,
  renewal: Renewal,
  since: Date,
  now: Date,
): Adoption {
  const isSynced = now.getTime() - since.getTime() >= KUBELET_MS;
  const readers = pods.flatMap((pod) => {
    const held = literals
      .filter(({ namespace }) => namespace === pod.namespace)
      .flatMap(({ form }) => literalIn(pod.spec, form, renewal) ?? []);
    const reads = keys
      .filter(({ namespace }) => namespace === pod.namespace)
      .flatMap((key) => readsOf({ spec: pod.spec.open() }, key))
      .filter((by) => by !== "imagePull");
    if (held.length + reads.length === 0) return [];
    const isStale = reads.length > 0 && !isNew(pod, since) && (reads.some(isReadAtStart) || !isSynced);
    return [{ name: `${pod.namespace}/${pod.name}`, isOld: held.includes("old") || isStale }];
  });
  return { readers: readers.length, old: readers.filter(({ isOld }) => isOld).map(({ name }) => name) };
}

/**
 * A pod that was made since then, by the clock that tells `since`; one of the very second is as a rule what was rolled
 * for the change, and scheduler and kubelet come before its containers. Of an older pod a container that was started
 * anew counts, with room for another clock and for the kubelet's memory.
 */
function isNew({ createdAt, startedAt }: Adopter, since: Date): boolean {
  return startedAt === undefined || createdAt >= since || startedAt.getTime() >= since.getTime() + KUBELET_MS;
}
