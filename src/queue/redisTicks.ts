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
  let wasMarked = false;

  const mark = async (name: string): Promise<string> => String(await link.client.hincrby(ticks, name, 1));

  /** Marks a tick of our own, as nobody's has come. False if another process has just done so. */
  const claim = async (name: string, count: string | null, signal: AbortSignal): Promise<boolean> => {
    const marked = await link.call(() => mark(name), signal).catch(() => undefined);
    return marked === undefined || Number(marked) === Number(count ?? 0) + 1;
  };

  const schedule = async (name: string, everyMs: number): Promise<void> => {
    // A full Redis refuses this, while it lets BullMQ's scripts half pass; and an emptied one gives itself away.
    const isEmpty = (await link.client.hsetnx(ticks, "", 0)) === 1;
    if (isEmpty && wasMarked) log.warn("The queue's Redis has lost what it held: what waited there is gone.");
    wasMarked = true;
    const id = idOf(name);
    const offset = 1 + (Number.parseInt(id.slice(1, 9), 16) % everyMs);
    const data = { subject: name, reason: "tick" };
    await queue.upsertJobScheduler(id, { every: everyMs, offset }, { name: "turn", data });
  };

  /** The count of ticks, by which the others see also that a long tick still runs here. */
  const look = (name: string): Promise<string | null> =>
    repetitions.isTicking(name) ? mark(name) : link.client.hget(ticks, name);

  return {
    async process(kind, name) {
      if (kind === "tick") {
        await link.write(() => mark(name), never).catch(() => undefined);
        return repetitions.tick(name);
      }
      // Left by a process that had more repetitions. Whoever still wants it puts it back.
      if (!repetitions.has(name)) await queue.removeJobScheduler(idOf(name));
      else await queue.add("tick", { subject: name, reason: "tick" }, { deduplication: { id: idOf(name) } });
    },
    async watch(name, everyMs, signal) {
      let count: string | null = null;
      let seenAt = clock.monotonic();
      for (;;) {
        // Written only when a tick is late: whatever has happened to Redis, the scheduler is there again.
        if (count === null || clock.monotonic() - seenAt >= 0.9 * everyMs) {
          await link.write(() => schedule(name, everyMs), signal).catch(() => undefined);
        }
        await clock.sleep(everyMs / 2, signal);
        const next = await link.call(() => look(name), signal).catch(() => count);
        if (next !== count) seenAt = clock.monotonic();
        count = next;
        if (clock.monotonic() - seenAt < 1.5 * everyMs) continue;
        seenAt = clock.monotonic();
        if (!(await claim(name, count, signal))) continue;
        log.debug("No tick has come over Redis: ticking here.", { name });
        void repetitions.tick(name);
      }
    },
  };
}
