import { HelmwardenError } from "../errors.ts";
import { statusOf } from "./api.ts";

/** How often a kind that the cluster does not serve, or that we may not list, is asked for again. */
const ASK_AGAIN_AFTER = 100;

/** A list of a kind that need not exist: none where the API is absent (404) or closed to us (403). */
export function createOptionalList<T>(
  list: (namespace: string, signal: AbortSignal) => Promise<readonly T[]>,
): (namespace: string, signal: AbortSignal) => Promise<readonly T[]> {
  let skip = 0;
  return async (namespace, signal) => {
    if (skip > 0) {
      skip -= 1;
      return [];
    }
    try {
      return await list(namespace, signal);
    } catch (caught) {
      const closed = caught instanceof HelmwardenError && caught.code === "ClusterDenied";
      if (!closed && statusOf(caught) !== 404) throw caught;
      skip = ASK_AGAIN_AFTER;
      return [];
    }
  };
}
