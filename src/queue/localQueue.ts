import { HelmwardenError } from "../errors.ts";
import type { Clock, Log, Queue } from "../ports.ts";
import { createLocalJobs } from "./localJobs.ts";
import { createRepetitions } from "./repetitions.ts";
import { createRuns } from "./runs.ts";

/** The queue of one process, in its memory: what waits ends with it. `concurrency` jobs run at a time. */
export function createLocalQueue(
  { concurrency }: { readonly concurrency: number },
  deps: { readonly clock: Clock; readonly log: Log },
): Queue {
  const { clock } = deps;
  const runs = createRuns(deps);
  const jobs = createLocalJobs(concurrency, runs, clock);
  const repetitions = createRepetitions(runs, deps.log);
  let drained: Promise<void> | undefined;

  const keepTicking = async (name: string, everyMs: number, signal: AbortSignal): Promise<void> => {
    let pauseMs = Math.random() * everyMs;
    for (;;) {
      await clock.sleep(pauseMs, signal);
      const started = clock.monotonic();
      await repetitions.tick(name);
      const interval = everyMs * (0.9 + 0.2 * Math.random());
      pauseMs = Math.max(0.1 * everyMs, interval - (clock.monotonic() - started));
    }
  };

  return {
    async enqueue(job, delayMs, signal) {
      if (signal.aborted) throw new HelmwardenError("Cancelled", "The job was not queued. Queue it again.");
      if (runs.ending) throw ended();
      jobs.put(job, delayMs);
    },
    consume: (work) => jobs.consume(work),
    repeat(name, everyMs, tick) {
      repetitions.start(name, tick, (signal) => keepTicking(name, everyMs, signal));
    },
    cancel: (name) => repetitions.cancel(name),
    depth: () => Promise.resolve(jobs.depth()),
    drain(graceMs) {
      repetitions.end();
      jobs.end();
      return (drained ??= runs.end(graceMs));
    },
  };
}

function ended(): HelmwardenError {
  return new HelmwardenError("QueueUnavailable", "The queue is shutting down. The next start takes the work up.");
}
