import { systemClock } from "../../src/clock.ts";
import type { Clock } from "../../src/ports.ts";

/** The machine's clock, for tests that meet real servers. */
export const realClock: Clock = systemClock;

export interface ManualClock extends Clock {
  /** How long each sleeper asked to sleep, in order of asking. */
  readonly slept: readonly number[];
  /** Lets time pass and wakes whoever is due, earliest first, letting each go on before the next. */
  advance(ms: number): Promise<void>;
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A clock that stands still until it is told. */
export function manualClock(): ManualClock {
  let time = 0;
  const slept: number[] = [];
  const sleepers = new Set<{ at: number; wake: () => void }>();
  return {
    slept,
    now: () => new Date(Date.UTC(2026, 0, 1) + time),
    monotonic: () => time,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        slept.push(ms);
        const abort = (): void => {
          sleepers.delete(sleeper);
          reject(new DOMException("aborted", "AbortError"));
        };
        const wake = (): void => {
          signal.removeEventListener("abort", abort);
          resolve();
        };
        const sleeper = { at: time + ms, wake };
        sleepers.add(sleeper);
        if (signal.aborted) abort();
        signal.addEventListener("abort", abort, { once: true });
      }),
    async advance(ms) {
      const end = time + ms;
      for (;;) {
        await settled();
        const next = [...sleepers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        sleepers.delete(next);
        time = next.at;
        next.wake();
      }
      time = end;
    },
  };
}
