import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { never, type Opened, pause, type RedisWorld, startRedisWorld, until } from "./redisWorld.ts";

type Child = ChildProcessByStdio<Writable, Readable, null>;

let world: RedisWorld;
const children: Child[] = [];
beforeAll(async () => {
  world = await startRedisWorld();
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await world.drain();
});
afterAll(() => world.close());

const fixture = fileURLToPath(new URL("../../fixtures/queueWorker.ts", import.meta.url));

/** A worker process, and what it has printed. */
function startWorker(prefix: string): { child: Child; printed: string[] } {
  const child = spawn(process.execPath, [fixture, prefix], { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const printed: string[] = [];
  child.stdout.setEncoding("utf8").on("data", (text: string) => printed.push(...text.trim().split("\n")));
  child.stdin.write(`${world.redis.url}\n`);
  return { child, printed };
}

it("never runs a subject twice at once under load by three workers, and each sees its last cause", async () => {
  const workers = await Promise.all([1, 2, 3].map(() => world.open("load", { concurrency: 4 })));
  const running = new Set<string>();
  const seen = new Map<string, string[]>();
  let most = 0;
  for (const { queue } of workers) {
    queue.consume(async ({ subject, reason }) => {
      expect(running).not.toContain(subject);
      running.add(subject);
      most = Math.max(most, running.size);
      seen.set(subject, [...(seen.get(subject) ?? []), reason]);
      await pause(20 + Math.random() * 40);
      running.delete(subject);
    });
  }
  for (let cause = 0; cause < 200; cause += 1) {
    const { queue } = workers[cause % 3]!;
    await queue.enqueue({ subject: `default/Release/shop/r${cause % 10}`, reason: `cause ${cause}` }, 0, never);
    await pause(Math.random() * 10);
  }
  await until(async () => expect(await workers[0]!.queue.depth(never)).toEqual({ waiting: 0, delayed: 0, running: 0 }));
  expect(seen.size).toBe(10);
  for (const [subject, reasons] of seen) {
    expect(reasons.at(-1)).toBe(`cause 19${subject.at(-1)}`);
    expect(reasons.length).toBeLessThanOrEqual(20);
  }
  expect(most).toBeGreaterThan(4);
  expect(workers.flatMap(({ lines }) => lines)).toEqual([]);
});

it("gives the job of a killed worker to another within a minute, and the cause that came meanwhile after it", async () => {
  const { child, printed } = startWorker("killed");
  const { queue } = await world.open("killed");
  await queue.enqueue({ subject: "a", reason: "store" }, 0, never);
  await until(() => expect(printed).toContain("a"), 20_000);
  child.kill("SIGKILL");
  await once(child, "exit");
  await queue.enqueue({ subject: "a", reason: "drift" }, 0, never);
  const seen: string[] = [];
  queue.consume(async ({ reason }) => void seen.push(reason));
  await until(() => expect(seen.at(-1)).toBe("drift"), 55_000);
  await until(async () => expect(await queue.depth(never)).toEqual({ waiting: 0, delayed: 0, running: 0 }));
  expect(seen.length).toBeLessThanOrEqual(2);
});

it("leaves what it has not ended to the others when it drains, and ends by itself", async () => {
  const { child, printed } = startWorker("handed");
  const { queue } = await world.open("handed");
  for (const subject of ["a", "b", "c"]) await queue.enqueue({ subject, reason: "store" }, 0, never);
  await until(() => expect(printed.filter((line) => line !== "tick")).toHaveLength(2), 20_000);
  const ended = once(child, "exit");
  child.stdin.end();
  expect(await ended).toEqual([0, null]);
  const seen: string[] = [];
  queue.consume(async ({ subject }) => void seen.push(subject));
  await until(() => expect(seen.toSorted()).toEqual(["a", "b", "c"]));
});

it("ends by itself though Redis has gone before it drains", async () => {
  const { child, printed } = startWorker("orphaned");
  await until(() => expect(printed).toContain("tick"), 20_000);
  await world.redis.stop();
  const { length } = printed;
  await until(() => expect(printed.length).toBeGreaterThan(length + 1));
  const ended = once(child, "exit");
  child.stdin.end();
  expect(await ended).toEqual([0, null]);
  await world.redis.start();
});

it("ticks in one of the processes, once at a time among all, and goes on in the last of them", async () => {
  const opened = await Promise.all([1, 2, 3].map(() => world.open("ticks")));
  const ticks: number[][] = [[], [], []];
  let ticking = 0;
  let most = 0;
  await until(() => Promise.all(opened.map(({ queue }) => queue.depth(never))));
  for (const [index, { queue }] of opened.entries()) {
    queue.repeat("fast", 250, async () => void ticks[index]!.push(performance.now()));
    queue.repeat("slow", 200, async () => {
      most = Math.max(most, (ticking += 1));
      await pause(500);
      ticking -= 1;
    });
  }
  const all = (): number[] => ticks.flat().toSorted((a, b) => a - b);
  await until(() => expect(all().length).toBeGreaterThan(20), 20_000);
  const [first = 0, last = 0] = [all()[0], all().at(-1)];
  expect((last - first) / (all().length - 1)).toBeGreaterThan(200);
  expect(most).toBe(1);
  await Promise.all(opened.slice(0, 2).map(({ queue }) => queue.drain(0)));
  const { length } = ticks[2]!;
  await until(() => expect(ticks[2]!.length).toBeGreaterThan(length + 3));
});

it("forgets a repetition that no process has any more", async () => {
  const former = await world.open("former");
  let ticks = 0;
  former.queue.repeat("gone", 300, async () => void (ticks += 1));
  await until(() => expect(ticks).toBeGreaterThan(0));
  await former.queue.drain(0);
  const later = await world.open("former");
  later.queue.repeat("kept", 300, async () => undefined);
  const schedulers = (): Promise<number> => world.redis.with((client) => client.zcard("former:ticks:repeat"));
  await until(async () => expect(await schedulers()).toBe(2));
  await until(async () => expect(await schedulers()).toBe(1));
});

it("leaves nothing behind in Redis for a subject that is done", async () => {
  const { queue }: Opened = await world.open("tidy");
  let ran = 0;
  queue.consume(async () => void (ran += 1));
  const keys = (): Promise<string[]> => world.redis.with((client) => client.keys("tidy:*"));
  await queue.enqueue({ subject: "first", reason: "store" }, 0, never);
  await until(async () => expect(await queue.depth(never)).toEqual({ waiting: 0, delayed: 0, running: 0 }));
  const before = (await keys()).toSorted();
  for (let index = 0; index < 300; index += 1) {
    await queue.enqueue({ subject: `r${index % 150}`, reason: "store" }, index % 3 === 0 ? 300 : 0, never);
  }
  await until(async () => expect(await queue.depth(never)).toEqual({ waiting: 0, delayed: 0, running: 0 }));
  expect(ran).toBeGreaterThanOrEqual(151);
  expect((await keys()).toSorted().filter((key) => !before.includes(key) && !key.endsWith(":marker"))).toEqual([]);
});
