import type { Outcome } from "../core/outcome.ts";

const AWAY: Outcome & { kind: "failed" } = {
  kind: "failed",
  code: "ClusterUnavailable",
  message: "The cluster does not answer, and another pass is trying it. This one comes back by itself.",
};

/**
 * A cluster that answers neither its last pass nor its watch is tried by one pass at a time; others fail at once. What
 * hangs there must not take the places of passes over other clusters.
 */
export class SilentClusters {
  readonly #isWatched: (cluster: string) => boolean;
  readonly #silent = new Set<string>();
  readonly #trying = new Map<string, number>();

  constructor(isWatched: (cluster: string) => boolean) {
    this.#isWatched = isWatched;
  }

  /** Runs the pass, or gives its failure where another is trying this cluster. */
  async guard<T extends ReadonlyMap<unknown, Outcome> | "taken">(
    cluster: string,
    pass: () => Promise<T>,
  ): Promise<T | typeof AWAY> {
    const trying = this.#trying.get(cluster) ?? 0;
    if (trying > 0 && this.#silent.has(cluster) && !this.#isWatched(cluster)) return AWAY;
    this.#trying.set(cluster, trying + 1);
    try {
      const outcomes = await pass();
      const isSilent = outcomes !== "taken" && [...outcomes.values()].some(isUnanswered);
      if (isSilent) this.#silent.add(cluster);
      else this.#silent.delete(cluster);
      return outcomes;
    } finally {
      this.#trying.set(cluster, (this.#trying.get(cluster) ?? 1) - 1);
    }
  }
}

function isUnanswered(outcome: Outcome): boolean {
  return outcome.kind === "failed" && outcome.code === AWAY.code;
}
