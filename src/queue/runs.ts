import { toHelmwardenError } from "../errors.ts";
import type { Clock, Log } from "../ports.ts";

/** How long what was aborted has to end. */
const ABORT_MS = 2_000;

/** What runs in this process for a queue: jobs and ticks. */
export interface Runs {
  /** True from the first call of `end`. */
  readonly ending: boolean;
  /** Runs the work with a signal that `end` aborts. Never rejects. */
  run(work: (signal: AbortSignal) => Promise<void>): Promise<void>;
  /** Waits `graceMs` for all of it, aborts the rest, and waits two seconds more at most. */
  end(graceMs: number): Promise<void>;
}

export function createRuns({ clock, log }: { readonly clock: Clock; readonly log: Log }): Runs {
  const life = new AbortController();
  const running = new Set<Promise<void>>();
  let ending = false;
  return {
    get ending() {
      return ending;
    },
    run(work) {
      const run = (async () => work(life.signal))()
        .catch((caught: unknown) =>
          log.error("A job ended in a way it must not.", { code: toHelmwardenError(caught).code }),
        )
        .finally(() => running.delete(run));
      running.add(run);
      return run;
    },
    async end(graceMs) {
      ending = true;
      await within(clock, graceMs, Promise.all(running));
      life.abort();
      await within(clock, ABORT_MS, Promise.all(running));
    },
  };
}

/** Waits for `work`, whose failure does not matter, but no longer than `ms`. */
export async function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  const timer = new AbortController();
  await Promise.race([work, clock.sleep(ms, timer.signal)]).catch(() => undefined);
  timer.abort();
}
