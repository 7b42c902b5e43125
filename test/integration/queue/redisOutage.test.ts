import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { expectFault } from "../../support/silence.ts";
import { freePort } from "../../support/redisServer.ts";
import { expectWhole, never, type Opened, pause, type RedisWorld, startRedisWorld, until } from "./redisWorld.ts";

let world: RedisWorld;
beforeAll(async () => {
  world = await startRedisWorld();
});
afterEach(() => world.drain());
afterAll(() => world.close());

interface Daemon extends Opened {
  readonly seen: string[];
  readonly ticks: number[];
}

/** A queue that runs jobs and ticks twice a second. */
async function openDaemon(prefix: string, url?: string): Promise<Daemon> {
  const opened = await world.open(prefix, url === undefined ? {} : { url });
  const seen: string[] = [];
  const ticks: number[] = [];
  opened.queue.consume(async ({ subject }) => void seen.push(subject));
  opened.queue.repeat("vault", 500, async () => void ticks.push(performance.now()));
  return { ...opened, seen, ticks };
}

async function expectUnavailable({ queue }: Opened, fault: string): Promise<void> {
  const from = performance.now();
  const error = await expectFault("QueueUnavailable", () => queue.enqueue({ subject: "a", reason: "store" }, 0, never));
  expect(error.detail).toEqual({ fault });
  expect(performance.now() - from).toBeLessThan(3_500);
  await expectFault("QueueUnavailable", () => queue.depth(never)).catch((failed: unknown) => {
    if (fault !== "full") throw failed;
  });
}

async function expectMoreTicks({ ticks }: Daemon, more = 3): Promise<void> {
  const { length } = ticks;
  await until(() => expect(ticks.length).toBeGreaterThanOrEqual(length + more));
}

const warnings = (lines: readonly string[]): readonly string[] => lines.filter((line) => !line.startsWith("debug"));

function expectOneOutage(lines: readonly string[], fault: string): void {
  expect(warnings(lines)).toEqual([
    expect.stringMatching(`^warn The queue's Redis cannot be used.*"fault":"${fault}"`),
    expect.stringMatching("^info The queue's Redis can be used again"),
  ]);
}

it("goes on while Redis is stopped for five seconds, and is whole when it is back", async () => {
  const daemon = await openDaemon("stopped");
  await expectWhole(daemon, "before", daemon.seen);
  await daemon.queue.enqueue({ subject: "kept", reason: "retry" }, 6_000, never);
  await world.redis.stop();
  await expectUnavailable(daemon, "unreachable");
  await Promise.all([expectMoreTicks(daemon), pause(5_000)]);
  await world.redis.start();
  await expectWhole(daemon, "after", daemon.seen);
  await until(() => expect(daemon.seen).toContain("kept"));
  await expectMoreTicks(daemon);
  expectOneOutage(daemon.lines, "unreachable");
});

it("starts without Redis, ticks by itself, and works from the moment it is there", async () => {
  const daemon = await openDaemon("absent", `redis://127.0.0.1:${await freePort()}`);
  await expectUnavailable(daemon, "unreachable");
  await expectMoreTicks(daemon);
  const from = performance.now();
  await daemon.queue.drain(1_000);
  expect(performance.now() - from).toBeLessThan(500);

  await world.redis.stop();
  const late = await openDaemon("late");
  await expectUnavailable(late, "unreachable");
  await expectMoreTicks(late);
  await world.redis.start();
  await expectWhole(late, "first", late.seen);
  expectOneOutage(late.lines, "unreachable");
});

it("is whole within one interval after Redis was flushed, but for what waited", async () => {
  const daemon = await openDaemon("flushed");
  await expectWhole(daemon, "before", daemon.seen);
  await daemon.queue.enqueue({ subject: "lost", reason: "retry" }, 60_000, never);
  await expectMoreTicks(daemon);
  await world.redis.flush();
  const from = performance.now();
  await expectMoreTicks(daemon, 1);
  expect(performance.now() - from).toBeLessThan(1_500);
  await expectWhole(daemon, "after", daemon.seen);
  await expectMoreTicks(daemon);
  expect(await world.redis.with((client) => client.zcard("flushed:ticks:repeat"))).toBe(1);
  await until(async () => expect(await daemon.queue.depth(never)).toEqual({ waiting: 0, delayed: 0, running: 0 }));
  expect(warnings(daemon.lines)).toEqual([expect.stringMatching("^warn The queue's Redis has lost what it held")]);
});

it("goes on while Redis is full, without hammering it", async () => {
  const daemon = await openDaemon("full");
  await expectWhole(daemon, "before", daemon.seen);
  for (let index = 0; index < 20; index += 1) {
    await daemon.queue.enqueue({ subject: `waits ${index}`, reason: "retry" }, 1_000, never);
  }
  await world.redis.fill();
  const scripts = (): Promise<number> =>
    world.redis.with(async (client) => scriptCalls(await client.info("commandstats")));
  await expectUnavailable(daemon, "full");
  const called = await scripts();
  await Promise.all([expectMoreTicks(daemon, 4), pause(3_000)]);
  expect((await scripts()) - called).toBeLessThan(100);
  await world.redis.makeRoom();
  await expectWhole(daemon, "after", daemon.seen);
  await until(() => expect(daemon.seen.filter((subject) => subject.startsWith("waits"))).toHaveLength(20), 20_000);
  await expectMoreTicks(daemon);
  expectOneOutage(daemon.lines, "full");
});

it("waits no longer than three seconds for a Redis that hangs, and is whole when it goes on", async () => {
  const daemon = await openDaemon("frozen");
  await expectWhole(daemon, "before", daemon.seen);
  process.kill(world.redis.pid(), "SIGSTOP");
  try {
    await expectUnavailable(daemon, "silent");
    await expectMoreTicks(daemon, 1);
    const other = await openDaemon("frozen too");
    await expectUnavailable(other, "silent");
    const from = performance.now();
    await other.queue.drain(1_000);
    expect(performance.now() - from).toBeLessThan(3_500);
  } finally {
    process.kill(world.redis.pid(), "SIGCONT");
  }
  await expectWhole(daemon, "after", daemon.seen);
  expectOneOutage(daemon.lines, "silent");
});

it("drains at once while Redis is away", async () => {
  const daemon = await openDaemon("drained");
  await expectWhole(daemon, "before", daemon.seen);
  await world.redis.stop("SIGKILL");
  await expectUnavailable(daemon, "unreachable");
  const from = performance.now();
  await daemon.queue.drain(1_000);
  expect(performance.now() - from).toBeLessThan(1_500);
  await world.redis.start();
});

function scriptCalls(stats: string): number {
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}
