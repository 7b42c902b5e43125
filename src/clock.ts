import { setTimeout as pause } from "node:timers/promises";
import type { Clock } from "./ports.ts";

/** setTimeout fires at once beyond 2^31-1 ms (24.8 days). */
const LONGEST_MS = 2 ** 31 - 1;

/** The real time. Tests bring their own. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonic: () => performance.now(),
  async sleep(ms, signal) {
    for (let rest = ms; rest > 0; rest -= LONGEST_MS) await pause(Math.min(rest, LONGEST_MS), undefined, { signal });
  },
};
