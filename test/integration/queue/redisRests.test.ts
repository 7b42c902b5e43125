import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { Rests } from "../../../src/ports.ts";
import { type RedisWorld, startRedisWorld, until } from "./redisWorld.ts";

let world: RedisWorld;
beforeAll(async () => {
  world = await startRedisWorld();
});
afterEach(() => world.drain());
afterAll(() => world.close());

/** The rests of two processes that share their work, once both are connected. */
async function openTwo(prefix: string): Promise<[Rests, Rests]> {
  const opened = await Promise.all([world.open(prefix), world.open(prefix)]);
  const never = new AbortController().signal;
  await until(() => Promise.all(opened.map(({ queue }) => queue.depth(never))));
  return [opened[0].queue.rests!, opened[1].queue.rests!];
}

it("what one process is asked to leave alone, all leave alone, for as long as the longest asked", async () => {
  const [one, other] = await openTwo("shared");
  expect(await other.left("vault")).toBe(0);
  await one.begin("vault", 60_000);
  await one.begin("vault", 20_000);
  const left = await other.left("vault");
  expect(left).toBeGreaterThan(30_000);
  expect(left).toBeLessThanOrEqual(60_000);
  expect(await other.left("infisical")).toBe(0);
  await other.begin("vault", 90_000);
  expect(await one.left("vault")).toBeGreaterThan(60_000);
});

it("ends by itself, and is never longer than an hour", async () => {
  const [one, other] = await openTwo("ends");
  await one.begin("vault", 300);
  await until(async () => expect(await other.left("vault")).toBe(0));
  await one.begin("vault", 1e12);
  expect(await other.left("vault")).toBeLessThanOrEqual(3_600_000);
});

it("nobody waits for a Redis that is away, or that hangs", async () => {
  const [one] = await openTwo("away");
  process.kill(world.redis.pid(), "SIGSTOP");
  const start = performance.now();
  expect(await one.left("vault")).toBe(0);
  await one.begin("vault", 60_000);
  expect(performance.now() - start).toBeLessThan(2_500);
  process.kill(world.redis.pid(), "SIGCONT");
  await world.redis.stop();
  await one.begin("vault", 60_000);
  expect(await one.left("vault")).toBe(0);
  await world.redis.start();
});
