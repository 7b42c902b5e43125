import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SecretValue } from "../../src/core/secretValue.ts";
import { createLocalQueue } from "../../src/queue/localQueue.ts";
import { createRedisQueue } from "../../src/queue/redisQueue.ts";
import { realClock } from "../support/clock.ts";
import { startRedis } from "../support/redisServer.ts";
import { recordingLog } from "../support/silence.ts";
import { queueContract } from "./queue.ts";

queueContract("the local queue", async () => ({
  async open(concurrency) {
    const log = recordingLog();
    return { queue: createLocalQueue({ concurrency }, { clock: realClock, log }), lines: log.lines };
  },
  async close() {},
}));

queueContract("the queue on Redis", async () => {
  const dir = mkdtempSync(join(tmpdir(), "helmwarden-redis-"));
  const redis = await startRedis({ dir });
  const url = SecretValue.fromText(redis.url);
  let count = 0;
  return {
    async open(concurrency) {
      const log = recordingLog();
      const prefix = `helmwarden${(count += 1)}`;
      return {
        queue: await createRedisQueue({ url, concurrency, prefix }, { clock: realClock, log }),
        lines: log.lines,
      };
    },
    async close() {
      await redis.stop("SIGKILL");
      rmSync(dir, { recursive: true, force: true });
    },
  };
});
