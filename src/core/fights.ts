/** Times at which something was put back after somebody else had changed it, oldest first; monotonic milliseconds. */
export type PutBacks = readonly number[];

/** The same thing put back so often within this is a fight with another controller. */
const OFTEN = 3;
const WITHIN_MS = 10 * 60_000;

export function afterPutBack(before: PutBacks, now: number): PutBacks {
  return [...before.filter((at) => now - at < WITHIN_MS), now];
}

export function isFight(putBacks: PutBacks, now: number): boolean {
  return putBacks.filter((at) => now - at < WITHIN_MS).length >= OFTEN;
}
