import type { Queue } from "bullmq";
import type { Clock, Job, Log } from "../ports.ts";
import { idOf } from "./dueSubjects.ts";
import type { RedisLink } from "./redisLink.ts";
import type { Repetitions } from "./repetitions.ts";

/** Repetitions that all processes on one Redis share. Names travel as the subject of a job. */
export interface RedisTicks {
  /** Takes a job of the queue: a scheduler's turn becomes a tick, unless one waits or runs somewhere. */
  process(kind: string, name: string): Promise<void>;
  /** Keeps the scheduler alive, and ticks here when no process has ticked for one and a half intervals. */
  watch(name: string, everyMs: number, signal: AbortSignal): Promise<void>;
}

export function createRedisTicks(
  queue: Queue<Job>,
  link: RedisLink,
  repetitions: Repetitions,
  { prefix, clock, log }: { readonly prefix: string; readonly clock: Clock; readonly log: Log },
): RedisTicks {
  const ticks = `${prefix}:ticked`;
  const never = new AbortController().signal;

  const tickHere = async (name: string): Promise<void> => {
    link.call(() => link.client.hincrby(ticks, name, 1), never).catch(() => undefined);
    await repetitions.tick(name);
  };

  const schedule = async (name: string, everyMs: number): Promise<void> => {
    // A full Redis refuses this, while it lets BullMQ's scripts half pass.
    await link.client.hsetnx(ticks, name, 0);
    const id = idOf(name);
    const offset = 1 + (Number.parseInt(id.slice(1, 9), 16) % everyMs);
    const data = { subject: name, reason: "tick" };
    await queue.upsertJobScheduler(id, { every: everyMs, offset }, { name: "turn", data });
  };

  return {
    async process(kind, name) {
      if (kind === "tick") return tickHere(name);
      // Left by a process that had more repetitions. Whoever still wants it puts it back.
      if (!repetitions.has(name)) await queue.removeJobScheduler(idOf(name));
      else await queue.add("tick", { subject: name, reason: "tick" }, { deduplication: { id: idOf(name) } });
    },
    async watch(name, everyMs, signal) {
      let count: string | null | undefined;
      let seenAt = clock.monotonic();
      for (;;) {
        await link.write(() => schedule(name, everyMs), signal).catch(() => undefined);
        await clock.sleep(everyMs / 2, signal);
        const next = await link.call(() => link.client.hget(ticks, name), signal).catch(() => count);
        if (next !== count) seenAt = clock.monotonic();
        count = next;
        if (clock.monotonic() - seenAt < 1.5 * everyMs) continue;
        log.debug("No tick has come over Redis: ticking here.", { name });
        seenAt = clock.monotonic();
        await tickHere(name);
      }
    },
  };
}
