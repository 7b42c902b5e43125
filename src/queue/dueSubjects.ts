import { createHash } from "node:crypto";
import type { Queue } from "bullmq";
import type { ChainableCommander, Redis } from "ioredis";
import type { Job } from "../ports.ts";

/** After so long a subject that was handed over and has not started is handed over again. */
const HANDED_OVER_MS = 60_000;
const LONGEST_WAIT_MS = 500;
const BATCH = 100;

/**
 * When each waiting subject is due, by Redis' own clock, and the newest reason. BullMQ cannot merge two delayed jobs so that the earlier
 * time wins; a sorted set can, in one command. A subject leaves it when its job starts, never before: whatever
 * is lost on the way there is handed over again.
 */
export interface DueSubjects {
  /** Adds the subject, or moves it to an earlier time. */
  put(job: Job, delayMs: number): Promise<void>;
  /** Takes the subject out, as its job starts. Gives the newest reason. */
  take(job: Job): Promise<Job>;
  /** Hands what is due over to BullMQ. Gives how many milliseconds to wait before the next call. */
  handOver(): Promise<number>;
  count(): Promise<number>;
}

export function createDueSubjects(client: Redis, queue: Queue<Job>, prefix: string): DueSubjects {
  const due = `${prefix}:due`;
  const reasons = `${prefix}:reasons`;
  /** All processes have the same, whatever happens to the clocks of their machines. */
  const time = async (): Promise<number> => {
    const [seconds, micros] = await client.time();
    return Number(seconds) * 1_000 + Number(micros) / 1_000;
  };
  /** One runs, and at most one more waits for its end. */
  const add = async (job: Job): Promise<void> => {
    await queue.add("job", job, { deduplication: { id: idOf(job.subject), keepLastIfActive: true } });
  };
  const claim = async (subject: string, now: number): Promise<void> => {
    const claimed = await client.zadd(due, "XX", "GT", "CH", now + HANDED_OVER_MS, subject);
    if (claimed === 1) await add({ subject, reason: (await client.hget(reasons, subject)) ?? "due" });
  };
  return {
    async put({ subject, reason }, delayMs) {
      const at = (await time()) + (delayMs > 0 ? delayMs : HANDED_OVER_MS);
      await run(client.pipeline().hset(reasons, subject, reason).zadd(due, "LT", at, subject));
      if (delayMs <= 0) await add({ subject, reason });
    },
    async take({ subject, reason }) {
      const [newest] = await run(client.pipeline().hget(reasons, subject).hdel(reasons, subject).zrem(due, subject));
      return { subject, reason: typeof newest === "string" ? newest : reason };
    },
    async handOver() {
      const now = await time();
      const subjects = await client.zrangebyscore(due, "-inf", now, "LIMIT", 0, BATCH);
      for (const subject of subjects) await claim(subject, now);
      if (subjects.length === BATCH) return 0;
      const [, next] = await client.zrange(due, "0", "0", "WITHSCORES");
      return Math.min(LONGEST_WAIT_MS, Math.max(1, Number(next ?? Infinity) - now));
    },
    count: () => client.zcard(due),
  };
}

/** A name as BullMQ can take it: no colon, no plain number. */
export function idOf(name: string): string {
  return `h${createHash("sha256").update(name).digest("hex").slice(0, 32)}`;
}

/** All in one message; one failed command fails it. No transaction: a full Redis refuses even one that only removes. */
async function run(pipeline: ChainableCommander): Promise<unknown[]> {
  const answers = (await pipeline.exec()) ?? [];
  const failed = answers.find(([error]) => error instanceof Error);
  if (failed !== undefined) throw failed[0];
  return answers.map(([, answer]) => answer);
}
