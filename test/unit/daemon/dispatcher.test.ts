import { beforeEach, expect, test } from "vitest";
import { createDispatcher, type Dispatcher } from "../../../src/daemon/dispatcher.ts";
import { HelmwardenError } from "../../../src/errors.ts";
import { type ManualClock, manualClock } from "../../support/clock.ts";
import { recordingLog } from "../../support/silence.ts";

let clock: ManualClock;
let log: ReturnType<typeof recordingLog>;
let end: AbortController;
let took: string[];
let isAway: boolean;
let dispatcher: Dispatcher;

beforeEach(() => {
  clock = manualClock();
  log = recordingLog();
  end = new AbortController();
  took = [];
  isAway = false;
  const queue = {
    enqueue: async ({ subject, reason }: { subject: string; reason: string }, delayMs: number) => {
      if (isAway) throw new HelmwardenError("QueueUnavailable", "Redis is away; it is tried again.");
      took.push(`${subject} ${reason} ${delayMs}`);
    },
  };
  dispatcher = createDispatcher(queue, { clock, log }, () => {}, end.signal);
});

test("everything reaches the queue, many at a time", async () => {
  dispatcher.send(
    Array.from({ length: 1_000 }, (_, index) => `s${index}`),
    "start",
  );
  await clock.advance(0);
  expect(took).toHaveLength(1_000);
  expect(log.lines).toEqual([]);
});

test("what the queue cannot take is kept, sent again when it is back, and said once each way", async () => {
  isAway = true;
  dispatcher.send(["a", "b"], "store");
  await clock.advance(10_000);
  dispatcher.send(["c"], "live", 200);
  await clock.advance(10_000);
  expect(took).toEqual([]);
  isAway = false;
  await clock.advance(2_000);
  expect(took.toSorted()).toEqual(["a store 0", "b store 0", "c live 200"]);
  expect(log.lines).toEqual([
    "warn the queue takes no work; it is kept and sent again {}",
    "info the queue takes work again {}",
  ]);
});

test("of one subject the newest reason and the earlier time are kept", async () => {
  isAway = true;
  dispatcher.send(["a", "b"], "store");
  await clock.advance(0);
  dispatcher.send(["a"], "retry 2", 60_000);
  isAway = false;
  await clock.advance(2_000);
  expect(took.toSorted()).toEqual(["a retry 2 0", "b store 0"]);
});

test("at the end nothing is sent any more, and nothing waits", async () => {
  isAway = true;
  dispatcher.send(["a"], "store");
  await clock.advance(1_000);
  end.abort();
  isAway = false;
  await clock.advance(60_000);
  expect(took).toEqual([]);
});
