/** A store's calls: `closed` lets them through, `open` refuses them until a time, when one is let through to try. */
export interface Circuit {
  readonly failures: number;
  /** Monotonic milliseconds; undefined while closed. */
  readonly openUntil: number | undefined;
}

export const CLOSED: Circuit = { failures: 0, openUntil: undefined };

/** Failures in a row that open the circuit. */
const OPEN_AFTER = 5;
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 300_000;

export function isOpen({ openUntil }: Circuit, now: number): boolean {
  return openUntil !== undefined && now < openUntil;
}

/** The circuit after a failed call: each failure beyond the fifth doubles the pause. */
export function afterFailure({ failures }: Circuit, now: number): Circuit {
  const count = failures + 1;
  if (count < OPEN_AFTER) return { failures: count, openUntil: undefined };
  const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(count - OPEN_AFTER, 10));
  return { failures: count, openUntil: now + pause };
}
