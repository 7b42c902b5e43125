import type { Clock } from "../ports.ts";
import { statusOf } from "./api.ts";

/** How long a kind that the cluster does not serve, or that we may not list in a namespace, is not asked for again. */
const ASK_AGAIN_MS = 5 * 60_000;

type List<T> = (namespace: string, signal: AbortSignal) => Promise<readonly T[]>;

/**
 * A list of a kind that need not exist: none where the API is absent (404) or closed to us (403; `onDenied` is told of
 * each namespace once).
 */
export function createOptionalList<T>(
  list: List<T>,
  clock: Pick<Clock, "monotonic">,
  onDenied: (namespace: string) => void,
): List<T> {
  const restUntil = new Map<string, number>();
  const told = new Set<string>();
  return async (namespace, signal) => {
    if (clock.monotonic() < (restUntil.get(namespace) ?? 0)) return [];
    try {
      return await list(namespace, signal);
    } catch (caught) {
      const status = statusOf(caught);
      if (status !== 403 && status !== 404) throw caught;
      if (status === 403 && !told.has(namespace)) onDenied(namespace);
      if (status === 403) told.add(namespace);
      restUntil.set(namespace, clock.monotonic() + ASK_AGAIN_MS);
      return [];
    }
  };
}
