// The one contract of the port Queue. Both engines run it; the one on Redis against a real redis-server.
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { Job, Queue } from "../../src/ports.ts";
import { canary } from "../support/canary.ts";
import { realClock } from "../support/clock.ts";
import { expectFault } from "../support/silence.ts";

export interface QueueWorld {
  /** A queue that shares nothing with another, with this many jobs at a time, and what it has logged. */
  open(concurrency: number): Promise<{ readonly queue: Queue; readonly lines: readonly string[] }>;
  close(): Promise<void>;
}

const signal = new AbortController().signal;
const pause = (ms: number): Promise<void> => realClock.sleep(ms, signal);
const until = (check: () => unknown): Promise<unknown> => vi.waitFor(check, { timeout: 10_000, interval: 10 });

async function idle(queue: Queue): Promise<void> {
  await until(async () => expect(await queue.depth(signal)).toEqual({ waiting: 0, delayed: 0, running: 0 }));
}

/** Jobs that end when they are told. */
interface Gate {
  readonly started: Job[];
  readonly work: (job: Job) => Promise<void>;
  /** Lets the first that runs end. */
  readonly release: () => void;
}

function gate(): Gate {
  const started: Job[] = [];
  const held: (() => void)[] = [];
  return {
    started,
    async work(job) {
      started.push(job);
      await new Promise<void>((resolve) => held.push(resolve));
    },
    release: () => held.shift()?.(),
  };
}

export function queueContract(name: string, make: () => Promise<QueueWorld>): void {
  describe(`${name} keeps the contract of Queue`, () => {
    let world: QueueWorld;
    const opened: Queue[] = [];
    const open = async (concurrency: number): Promise<{ queue: Queue; lines: readonly string[] }> => {
      const made = await world.open(concurrency);
      opened.push(made.queue);
      return made;
    };
    beforeAll(async () => {
      world = await make();
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((queue) => queue.drain(0)));
    });
    afterAll(() => world.close());

    it("gives each job to the worker as it was queued, those from before it started too", async () => {
      const { queue } = await open(2);
      const seen: Job[] = [];
      await queue.enqueue({ subject: "default/Release/shop/a:b", reason: "start" }, 0, signal);
      queue.consume(async (job) => void seen.push(job));
      await queue.enqueue({ subject: "17", reason: "drift" }, 0, signal);
      await until(() => expect(seen).toHaveLength(2));
      expect(seen).toContainEqual({ subject: "default/Release/shop/a:b", reason: "start" });
      expect(seen).toContainEqual({ subject: "17", reason: "drift" });
      await idle(queue);
    });

    it("runs no more at a time than it may, and counts them", async () => {
      const { queue } = await open(2);
      const { started, work, release } = gate();
      queue.consume(work);
      for (const subject of ["a", "b", "c"]) await queue.enqueue({ subject, reason: "store" }, 0, signal);
      await until(async () => expect(await queue.depth(signal)).toEqual({ waiting: 1, delayed: 0, running: 2 }));
      expect(started).toHaveLength(2);
      release();
      await until(() => expect(started).toHaveLength(3));
      release();
      release();
      await idle(queue);
    });

    it("joins all that comes while a subject runs into one more run, with the newest reason", async () => {
      const { queue } = await open(4);
      const { started, work, release } = gate();
      queue.consume(work);
      await queue.enqueue({ subject: "a", reason: "first" }, 0, signal);
      await until(() => expect(started).toHaveLength(1));
      for (let count = 2; count <= 10; count += 1) {
        await queue.enqueue({ subject: "a", reason: `cause ${count}` }, 0, signal);
      }
      await pause(200);
      expect(started).toHaveLength(1);
      release();
      await until(() => expect(started).toHaveLength(2));
      release();
      await idle(queue);
      expect(started.map(({ reason }) => reason)).toEqual(["first", "cause 10"]);
    });

    it("joins all that comes while a subject waits for a free place", async () => {
      const { queue } = await open(1);
      const { started, work, release } = gate();
      queue.consume(work);
      await queue.enqueue({ subject: "other", reason: "start" }, 0, signal);
      await until(() => expect(started).toHaveLength(1));
      for (const reason of ["store", "drift", "hook"]) await queue.enqueue({ subject: "a", reason }, 0, signal);
      await queue.enqueue({ subject: "a", reason: "retry" }, 60_000, signal);
      release();
      await until(() => expect(started).toHaveLength(2));
      expect(started[1]).toEqual({ subject: "a", reason: "retry" });
      release();
      await idle(queue);
    });

    it("runs a delayed job at its time, and the earlier of two times wins", async () => {
      const { queue } = await open(2);
      const seen: { reason: string; at: number }[] = [];
      queue.consume(async ({ reason }) => void seen.push({ reason, at: performance.now() }));
      const from = performance.now();
      await queue.enqueue({ subject: "a", reason: "late" }, 60_000, signal);
      await queue.enqueue({ subject: "a", reason: "early" }, 600, signal);
      await queue.enqueue({ subject: "a", reason: "later again" }, 30_000, signal);
      expect(await queue.depth(signal)).toEqual({ waiting: 0, delayed: 1, running: 0 });
      await until(() => expect(seen).toHaveLength(1));
      expect(seen[0]).toMatchObject({ reason: "later again" });
      expect(seen[0]!.at - from).toBeGreaterThan(590);
      expect(seen[0]!.at - from).toBeLessThan(4_000);
      await idle(queue);
    });

    it("takes a delayed job along when its subject runs now", async () => {
      const { queue } = await open(2);
      const seen: string[] = [];
      await queue.enqueue({ subject: "a", reason: "retry" }, 500, signal);
      await queue.enqueue({ subject: "a", reason: "hook" }, 0, signal);
      queue.consume(async ({ reason }) => void seen.push(reason));
      await until(() => expect(seen).toHaveLength(1));
      await pause(1_200);
      expect(seen).toEqual(["hook"]);
      await idle(queue);
    });

    it("lets a job queue its own subject again, and a push come before that", async () => {
      const { queue } = await open(2);
      const seen: string[] = [];
      queue.consume(async ({ subject, reason }) => {
        seen.push(reason);
        if (reason === "store") await queue.enqueue({ subject, reason: "retry" }, 60_000, signal);
      });
      await queue.enqueue({ subject: "a", reason: "store" }, 0, signal);
      await until(async () => expect(await queue.depth(signal)).toEqual({ waiting: 0, delayed: 1, running: 0 }));
      await queue.enqueue({ subject: "a", reason: "hook" }, 0, signal);
      await until(() => expect(seen).toEqual(["store", "hook"]));
      await idle(queue);
    });

    it("goes on after a job that rejects, and says nothing of what it threw", async () => {
      const { queue, lines } = await open(1);
      const secret = canary("thrown");
      const seen: string[] = [];
      queue.consume(async ({ subject }) => {
        seen.push(subject);
        if (subject === "bad") throw new Error(secret);
      });
      await queue.enqueue({ subject: "bad", reason: "store" }, 0, signal);
      await queue.enqueue({ subject: "good", reason: "store" }, 0, signal);
      await until(() => expect(seen).toEqual(["bad", "good"]));
      await idle(queue);
      expect(lines.filter((line) => line.startsWith("error"))).toHaveLength(1);
      expect(lines.join()).not.toContain(secret);
    });

    it("does not queue for a caller who has given up", async () => {
      const { queue } = await open(1);
      await expectFault("Cancelled", () => queue.enqueue({ subject: "a", reason: "store" }, 0, AbortSignal.abort()));
      await idle(queue);
    });

    it("ticks about every interval, and never twice at once", async () => {
      const { queue } = await open(1);
      const at: number[] = [];
      let ticking = 0;
      let most = 0;
      queue.repeat("fast", 300, async () => void at.push(performance.now()));
      queue.repeat("slow", 200, async () => {
        most = Math.max(most, (ticking += 1));
        await pause(500);
        ticking -= 1;
      });
      await until(() => expect(at.length).toBeGreaterThanOrEqual(7));
      const mean = (at.at(-1)! - at[0]!) / (at.length - 1);
      expect(mean).toBeGreaterThan(200);
      expect(mean).toBeLessThan(500);
      expect(most).toBe(1);
    });

    it("takes a new interval for a name, and ends it when it is cancelled", async () => {
      const { queue } = await open(1);
      const ticks = { old: 0, new: 0 };
      queue.repeat("vault", 100_000, async () => void (ticks.old += 1));
      queue.repeat("vault", 200, async () => void (ticks.new += 1));
      await until(() => expect(ticks.new).toBeGreaterThan(3));
      queue.cancel("vault");
      await pause(100);
      const { new: then } = ticks;
      await pause(1_000);
      expect(ticks).toEqual({ old: 0, new: then });
    });

    it("goes on ticking after a tick that rejects", async () => {
      const { queue, lines } = await open(1);
      const secret = canary("tick");
      let ticks = 0;
      queue.repeat("vault", 200, async () => {
        ticks += 1;
        throw new Error(secret);
      });
      await until(() => expect(ticks).toBeGreaterThan(2));
      expect(lines.join()).not.toContain(secret);
    });

    it("lets what runs end when it drains, and starts nothing more", async () => {
      const { queue } = await open(1);
      const ended: string[] = [];
      let started = 0;
      queue.consume(async ({ subject }) => {
        started += 1;
        await pause(400);
        ended.push(subject);
      });
      await queue.enqueue({ subject: "a", reason: "store" }, 0, signal);
      await queue.enqueue({ subject: "b", reason: "store" }, 0, signal);
      await until(() => expect(started).toBe(1));
      await queue.drain(5_000);
      expect(ended).toEqual(["a"]);
      await pause(300);
      expect(started).toBe(1);
      await expectFault("QueueUnavailable", () => queue.enqueue({ subject: "c", reason: "store" }, 0, signal));
    });

    it("aborts what runs longer than the grace, a tick too", async () => {
      const { queue } = await open(2);
      const ended: string[] = [];
      const running = new Set<string>();
      const untilAborted = async (what: string, end: AbortSignal): Promise<void> => {
        running.add(what);
        await realClock.sleep(600_000, end).catch(() => undefined);
        ended.push(what);
      };
      queue.consume((_job, end) => untilAborted("job", end));
      queue.repeat("vault", 100, (end) => untilAborted("tick", end));
      await queue.enqueue({ subject: "a", reason: "store" }, 0, signal);
      await until(() => expect([...running].sort()).toEqual(["job", "tick"]));
      const from = performance.now();
      await queue.drain(300);
      expect(performance.now() - from).toBeGreaterThan(290);
      expect(performance.now() - from).toBeLessThan(5_000);
      expect(ended.sort()).toEqual(["job", "tick"]);
    });

    it("drains in bounded time though a job never ends", async () => {
      const { queue } = await open(1);
      let started = 0;
      queue.consume(async () => {
        started += 1;
        await new Promise(() => {});
      });
      await queue.enqueue({ subject: "a", reason: "store" }, 0, signal);
      await until(() => expect(started).toBe(1));
      const from = performance.now();
      await queue.drain(200);
      expect(performance.now() - from).toBeLessThan(6_000);
    });
  });
}
