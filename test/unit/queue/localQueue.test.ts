import { expect, it } from "vitest";
import type { Queue } from "../../../src/ports.ts";
import { createLocalQueue } from "../../../src/queue/localQueue.ts";
import { type ManualClock, manualClock } from "../../support/clock.ts";
import { recordingLog } from "../../support/silence.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const signal = new AbortController().signal;

function open(concurrency = 2): { clock: ManualClock; queue: Queue; ran: string[] } {
  const clock = manualClock();
  const queue = createLocalQueue({ concurrency }, { clock, log: recordingLog() });
  const ran: string[] = [];
  queue.consume(async ({ subject, reason }) => {
    ran.push(`${subject} ${reason} ${clock.monotonic()}`);
    await clock.sleep(1_000, signal);
  });
  return { clock, queue, ran };
}

it("waits out a delay that is longer than any timer", async () => {
  const { clock, queue, ran } = open();
  await queue.enqueue({ subject: "a", reason: "retry" }, 90 * DAY, signal);
  await clock.advance(90 * DAY - 1);
  expect(ran).toEqual([]);
  await clock.advance(2_000);
  expect(ran).toEqual([`a retry ${90 * DAY}`]);
  expect(await queue.depth(signal)).toEqual({ waiting: 0, delayed: 0, running: 0 });
});

it("keeps the earlier of two times and the newest reason, whichever came first", async () => {
  const { clock, queue, ran } = open();
  await queue.enqueue({ subject: "a", reason: "late" }, 9 * MINUTE, signal);
  await queue.enqueue({ subject: "a", reason: "early" }, MINUTE, signal);
  await queue.enqueue({ subject: "b", reason: "early" }, MINUTE, signal);
  await queue.enqueue({ subject: "b", reason: "late" }, 9 * MINUTE, signal);
  await clock.advance(DAY);
  expect(ran.toSorted()).toEqual([`a early ${MINUTE}`, `b late ${MINUTE}`]);
});

it("lets a job that comes due while its subject runs wait for the end", async () => {
  const { clock, queue, ran } = open();
  await queue.enqueue({ subject: "a", reason: "store" }, 0, signal);
  await clock.advance(100);
  await queue.enqueue({ subject: "a", reason: "retry" }, 500, signal);
  await clock.advance(MINUTE);
  expect(ran).toEqual(["a store 0", "a retry 1000"]);
});

it("runs subjects in the order in which they came due", async () => {
  const { clock, queue, ran } = open(1);
  for (const subject of ["a", "b", "c", "a"]) await queue.enqueue({ subject, reason: "store" }, 0, signal);
  await clock.advance(MINUTE);
  expect(ran).toEqual(["a store 0", "b store 1000", "c store 2000", "a store 3000"]);
});

it("ticks within the first interval and then with a jitter of a tenth", async () => {
  const { clock, queue } = open();
  const ticks: Record<string, number[]> = { vault: [], infisical: [] };
  for (const [name, at] of Object.entries(ticks))
    queue.repeat(name, MINUTE, async () => void at.push(clock.monotonic()));
  await clock.advance(100 * MINUTE);
  for (const at of Object.values(ticks)) {
    expect(at[0]).toBeLessThan(MINUTE);
    const gaps = at.slice(1).map((time, index) => time - at[index]!);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0.9 * MINUTE);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(1.1 * MINUTE);
    expect(new Set(gaps).size).toBeGreaterThan(50);
  }
  expect(ticks["vault"]![0]).not.toBe(ticks["infisical"]![0]);
});

it("carries 20,000 subjects through in about linear time", async () => {
  const queue = createLocalQueue({ concurrency: 8 }, { clock: manualClock(), log: recordingLog() });
  let ran = 0;
  queue.consume(async () => void (ran += 1));
  const from = performance.now();
  for (let index = 0; index < 20_000; index += 1) {
    await queue.enqueue({ subject: `default/Release/shop/r${index}`, reason: "start" }, 0, signal);
  }
  while ((await queue.depth(signal)).running > 0) await new Promise((resolve) => setImmediate(resolve));
  expect(ran).toBe(20_000);
  expect(performance.now() - from).toBeLessThan(5_000);
});
