import type { Job as BullJob, Queue, Worker } from "bullmq";
import { z } from "zod";
import type { Clock, Job } from "../ports.ts";
import type * as Libraries from "./redisLibraries.ts";
import type { RedisLink } from "./redisLink.ts";

/** The queues and workers of BullMQ on one link. */
export interface Bull {
  queue(name: string): Queue<Job>;
  /** Starts taking jobs of the queue, `atOnce` at a time. What `take` throws goes nowhere: it ends the job. */
  work(name: string, atOnce: number, take: (kind: string, job: Job) => Promise<void>): void;
  /** Takes no more. */
  stop(): Promise<void>;
  /** After `stop`, when nothing runs any more. Hangs if Redis does not answer. */
  close(): Promise<void>;
}

const jobInRedis = z.object({ subject: z.string(), reason: z.string() });

/** A worker that dies with a job gives it back 30 to 40 seconds later, however often that happens. */
const WORKER = { lockDuration: 30_000, stalledInterval: 10_000, maxStalledCount: 1_000_000, runRetryDelay: 1_000 };

/** Jobs leave nothing behind, and are tried once: the outcome decides about more. */
const JOBS = { attempts: 1, removeOnComplete: true, removeOnFail: true };

const REST_MS = 1_000;

export function openBull(libraries: typeof Libraries, link: RedisLink, prefix: string, clock: Clock): Bull {
  // The version check reads INFO and writes to stderr.
  const shared = { connection: link.client, prefix, skipVersionCheck: true };
  const workers: Worker[] = [];
  const life = new AbortController();
  /** A worker asks again without a pause after a refusal, as often as Redis can answer. */
  const rest = async (worker: Worker): Promise<void> => {
    if (worker.isPaused()) return;
    await worker.pause(true);
    await clock.sleep(REST_MS, life.signal);
    await worker.resume();
  };
  return {
    queue(name) {
      const streams = { events: { maxLen: 100 } };
      const queue = new libraries.Queue<Job>(name, { ...shared, defaultJobOptions: JOBS, streams });
      return queue.on("error", () => undefined);
    },
    work(name, atOnce, take) {
      const run = async ({ name: kind, data }: BullJob): Promise<void> => {
        const job = jobInRedis.safeParse(data);
        if (job.success) await take(kind, job.data).catch(() => undefined);
      };
      const worker = new libraries.Worker(name, run, { ...shared, ...WORKER, concurrency: atOnce });
      worker.on("error", (caught) => {
        if (link.isRefusal(caught)) rest(worker).catch(() => undefined);
      });
      workers.push(worker);
    },
    async stop() {
      life.abort();
      await Promise.all(workers.map((worker) => worker.pause(true)));
    },
    async close() {
      // Without a connection BullMQ would wait for one for ever.
      const force = link.client.status !== "ready";
      await Promise.all(workers.map((worker) => worker.close(force)));
    },
  };
}
