import type { SubjectSpec } from "../core/subject.ts";
import type { WatchQuery, WatchState } from "../ports.ts";

/** What to watch in one cluster: Helm's storage, and the Secrets that mapped values feed. */
export interface WatchQueries {
  readonly storage: readonly WatchQuery[];
  readonly live: readonly WatchQuery[];
}

const HELM_STORAGE = { labelSelector: "owner=helm" };
const NOT_HELM_STORAGE = { fieldSelector: "type!=helm.sh/release.v1" };

/**
 * The narrowest watches that see everything: a namespace with a release as a whole, as the names of Helm's storage
 * grow, and elsewhere each Secret by its name, which a Role can permit by `resourceNames`.
 */
export function narrowQueries(subjects: readonly SubjectSpec[]): WatchQueries {
  const whole = new Set(subjects.flatMap((one) => (one.kind === "Release" ? [one.spec.key.namespace] : [])));
  const named = subjects.flatMap((one) =>
    one.kind === "Release" || whole.has(one.spec.namespace)
      ? []
      : [{ namespace: one.spec.namespace, fieldSelector: `metadata.name=${one.spec.secret}` }],
  );
  const inEach = (query: WatchQuery): WatchQuery[] => [...whole].map((namespace) => ({ namespace, ...query }));
  return { storage: inEach(HELM_STORAGE), live: [...inEach(NOT_HELM_STORAGE), ...named] };
}

/** Two watches for the whole cluster, where we may. */
export function wideQueries(): WatchQueries {
  return { storage: [HELM_STORAGE], live: [NOT_HELM_STORAGE] };
}

/** Several watches told as one: as old as the oldest, as healthy as the sickest. */
export function worstOf(states: readonly (() => WatchState)[]): () => WatchState {
  return () => {
    const all = states.map((state) => state());
    return { ageMs: Math.max(0, ...all.map(({ ageMs }) => ageMs)), healthy: all.every(({ healthy }) => healthy) };
  };
}
