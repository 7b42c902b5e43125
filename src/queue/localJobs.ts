import type { Clock, Job, QueueDepth } from "../ports.ts";
import type { Runs } from "./runs.ts";

/** Jobs in memory: of each subject one runs and one waits at most. A subject without either costs nothing. */
export interface LocalJobs {
  put(job: Job, delayMs: number): void;
  consume(work: Work): void;
  depth(): QueueDepth;
  /** Forgets what waits and starts no more. */
  end(): void;
}

export type Work = (job: Job, signal: AbortSignal) => Promise<void>;

interface Waiting {
  reason: string;
  readonly dueAt: number;
  isDue: boolean;
  /** Ends the sleep until `dueAt`. */
  readonly alarm: AbortController;
}

export function createLocalJobs(concurrency: number, runs: Runs, clock: Clock): LocalJobs {
  const waiting = new Map<string, Waiting>();
  const running = new Set<string>();
  /** Subjects that are due and do not run, in order. */
  const ready = new Set<string>();
  let work: Work | undefined;

  const startNext = (): void => {
    for (const subject of ready) {
      if (work === undefined || running.size >= concurrency) return;
      void start(subject, work);
    }
  };

  const start = async (subject: string, take: Work): Promise<void> => {
    const reason = waiting.get(subject)?.reason ?? "";
    ready.delete(subject);
    waiting.delete(subject);
    running.add(subject);
    await runs.run((signal) => take({ subject, reason }, signal));
    running.delete(subject);
    if (waiting.get(subject)?.isDue) ready.add(subject);
    startNext();
  };

  const wait = async (subject: string, entry: Waiting, delayMs: number): Promise<void> => {
    if (delayMs > 0) await clock.sleep(delayMs, entry.alarm.signal);
    entry.isDue = true;
    if (!running.has(subject)) ready.add(subject);
    startNext();
  };

  return {
    put({ subject, reason }, delayMs) {
      const joined = waiting.get(subject);
      const dueAt = clock.monotonic() + delayMs;
      if (joined !== undefined && (joined.isDue || joined.dueAt <= dueAt)) {
        joined.reason = reason;
        return;
      }
      joined?.alarm.abort();
      const entry = { reason, dueAt, isDue: false, alarm: new AbortController() };
      waiting.set(subject, entry);
      wait(subject, entry, delayMs).catch(() => undefined);
    },
    consume(take) {
      work = take;
      startNext();
    },
    depth() {
      const due = [...waiting.values()].filter(({ isDue }) => isDue).length;
      return { waiting: due, delayed: waiting.size - due, running: running.size };
    },
    end() {
      work = undefined;
      for (const { alarm } of waiting.values()) alarm.abort();
      waiting.clear();
      ready.clear();
    },
  };
}
