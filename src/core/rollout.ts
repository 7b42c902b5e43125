/** Replica counts of a workload's status, the same words for all three kinds. */
export interface Rollout {
  readonly generation: number;
  readonly observedGeneration: number;
  readonly wanted: number;
  readonly updated: number;
  readonly ready: number;
  /** Pods of any template, old ones included. */
  readonly total: number;
}

/** Does every replica run the newest template, and is it ready? A workload that is gone is not. */
export function isReady(rollout: Rollout | undefined): boolean {
  if (rollout === undefined) return false;
  const { generation, observedGeneration, wanted, updated, ready, total } = rollout;
  return observedGeneration >= generation && updated >= wanted && ready >= wanted && total <= wanted;
}
