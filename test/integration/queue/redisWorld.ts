// A redis-server of one test file, and queues on it with names of their own.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, vi } from "vitest";
import { SecretValue } from "../../../src/core/secretValue.ts";
import type { Queue } from "../../../src/ports.ts";
import { createRedisQueue } from "../../../src/queue/redisQueue.ts";
import { realClock } from "../../support/clock.ts";
import { type RedisServer, type RedisServerOptions, startRedis } from "../../support/redisServer.ts";
import { recordingLog } from "../../support/silence.ts";

export const never = new AbortController().signal;
export const pause = (ms: number): Promise<void> => realClock.sleep(ms, never);
export const until = (check: () => unknown, timeout = 10_000): Promise<unknown> =>
  vi.waitFor(check, { timeout, interval: 20 });

export interface RedisWorld {
  readonly redis: RedisServer;
  /** Processes that share their work name the same prefix. */
  open(prefix: string, options?: { concurrency?: number; url?: string }): Promise<Opened>;
  /** Drains all queues that were opened. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

export interface Opened {
  readonly queue: Queue;
  readonly lines: readonly string[];
}

export async function startRedisWorld(options: Omit<RedisServerOptions, "dir"> = {}): Promise<RedisWorld> {
  const dir = mkdtempSync(join(tmpdir(), "helmwarden-redis-"));
  const redis = await startRedis({ dir, ...options });
  const opened: Queue[] = [];
  return {
    redis,
    async open(prefix, { concurrency = 4, url = redis.url } = {}) {
      const log = recordingLog();
      const settings = { url: SecretValue.fromText(url), concurrency, prefix };
      const queue = await createRedisQueue(settings, { clock: realClock, log });
      opened.push(queue);
      return { queue, lines: log.lines };
    },
    async drain() {
      await Promise.all(opened.splice(0).map((queue) => queue.drain(0)));
    },
    async close() {
      await redis.stop("SIGKILL");
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A job goes through, from this queue to itself. */
export async function expectWhole({ queue }: Opened, subject: string, seen: readonly string[]): Promise<void> {
  await until(() => queue.enqueue({ subject, reason: "start" }, 0, never));
  await until(() => expect(seen).toContain(subject));
}
