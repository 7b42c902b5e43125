import type { SecretValue } from "../core/secretValue.ts";
import type { Clock, Job, Log, Queue } from "../ports.ts";
import { openBull } from "./bull.ts";
import { createDueSubjects, type DueSubjects } from "./dueSubjects.ts";
import { openRedisLink, type RedisLink } from "./redisLink.ts";
import { createRedisRests } from "./redisRests.ts";
import { createRedisTicks } from "./redisTicks.ts";
import { parseRedisUrl } from "./redisUrl.ts";
import { createRepetitions } from "./repetitions.ts";
import { createRuns, within } from "./runs.ts";

export interface RedisQueueOptions {
  readonly url: SecretValue;
  /** Jobs at a time in this process. */
  readonly concurrency: number;
  /** Begins every key in Redis. */
  readonly prefix: string;
}

const TICKS_AT_ONCE = 20;
const RETRY_MS = 1_000;
const CLOSE_MS = 2_000;

/**
 * A queue that many processes share through one Redis, 6.2 or newer. Does not wait for it: until it is there, and
 * whenever it is away, `enqueue` and `depth` reject within three seconds and repetitions go on in each process.
 * ConfigInvalid if the URL is none.
 */
export async function createRedisQueue(
  { url, concurrency, prefix }: RedisQueueOptions,
  deps: { readonly clock: Clock; readonly log: Log },
): Promise<Queue> {
  const { clock, log } = deps;
  const address = parseRedisUrl(url);
  const libraries = await import("./redisLibraries.ts");
  const link = openRedisLink(libraries, address, log);
  const bull = openBull(libraries, link, prefix, clock);
  const runs = createRuns(deps);
  const repetitions = createRepetitions(runs, log);
  const jobs = bull.queue("jobs");
  const due = createDueSubjects(link.client, jobs, prefix);
  const ticks = createRedisTicks(bull.queue("ticks"), link, repetitions, { prefix, ...deps });
  const life = new AbortController();
  let ticking = false;
  let drained: Promise<void> | undefined;

  keepHandingOver(due, link, clock, life.signal).catch(() => undefined);
  const put = (job: Job, delayMs: number, signal: AbortSignal): Promise<void> =>
    link.write(() => due.put(job, delayMs), signal);

  const drain = async (graceMs: number): Promise<void> => {
    repetitions.end();
    await bull.stop();
    await runs.end(graceMs);
    await within(clock, CLOSE_MS, bull.close());
    life.abort();
    link.close();
  };

  return {
    rests: createRedisRests(link, prefix, clock),
    enqueue: put,
    consume(work) {
      bull.work("jobs", concurrency, async (_kind, job) => {
        if (runs.ending) return put(job, 0, life.signal);
        const newest = await link.call(() => due.take(job), life.signal).catch(() => job);
        await runs.run(async (signal) => {
          await work(newest, signal);
          if (signal.aborted) await put(newest, 0, life.signal);
        });
      });
    },
    repeat(name, everyMs, tick) {
      repetitions.start(name, tick, (signal) => ticks.watch(name, everyMs, signal));
      if (!ticking) bull.work("ticks", TICKS_AT_ONCE, (kind, { subject }) => ticks.process(kind, subject));
      ticking = true;
    },
    cancel: (name) => repetitions.cancel(name),
    async depth(signal) {
      const counts = [() => jobs.getWaitingCount(), () => jobs.getActiveCount(), () => due.count()];
      const [waiting = 0, running = 0, all = 0] = await link.call(
        () => Promise.all(counts.map((count) => count())),
        signal,
      );
      return { waiting, delayed: Math.max(0, all - waiting), running };
    },
    drain: (graceMs) => (drained ??= drain(graceMs)),
  };
}

async function keepHandingOver(due: DueSubjects, link: RedisLink, clock: Clock, signal: AbortSignal): Promise<void> {
  for (;;) {
    const pauseMs = await link.call(() => due.handOver(), signal).catch(() => RETRY_MS);
    await clock.sleep(pauseMs, signal);
  }
}
