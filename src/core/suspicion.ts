/** How many keys a path (or a whole store) had and has. */
export interface Loss {
  readonly had: number;
  readonly lost: number;
}

/** Keys that were there and are not any more. */
export function lossOf(before: ReadonlySet<string>, now: ReadonlySet<string>): Loss {
  return { had: before.size, lost: [...before].filter((key) => !now.has(key)).length };
}

/** More than the configured share (0 to 1), or everything. Nothing had is nothing lost. */
export function isSuspicious({ had, lost }: Loss, maxLoss: number): boolean {
  return had > 0 && lost > 0 && (lost === had || lost / had > maxLoss);
}
