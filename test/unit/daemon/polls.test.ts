import { beforeEach, describe, expect, test } from "vitest";
import type { Config } from "../../../src/core/spec.ts";
import type { dependentsOf } from "../../../src/core/subject.ts";
import type { Generation } from "../../../src/daemon/generation.ts";
import { pollIntervalMs, Polls } from "../../../src/daemon/polls.ts";
import { WatchedStore } from "../../../src/daemon/watchedStore.ts";
import { HelmwardenError } from "../../../src/errors.ts";
import { createLocalQueue } from "../../../src/queue/localQueue.ts";
import { type ManualClock, manualClock } from "../../support/clock.ts";
import { type MemoryStore, memoryStore } from "../../support/memoryStore.ts";
import { recordingLog } from "../../support/silence.ts";

const signal = new AbortController().signal;
const EVERY = 10_000;

let store: MemoryStore;
let clock: ManualClock;
let log: ReturnType<typeof recordingLog>;
let told: string[];
let isResumed: boolean;
let polls: Polls;

beforeEach(() => {
  store = memoryStore();
  clock = manualClock();
  log = recordingLog();
  told = [];
  isResumed = false;
  const listener = {
    changed: (name: string, path: string, subjects: ReadonlySet<string>) =>
      void told.push(`${name} ${path} ${[...subjects].join("+")}`),
    read: () => {},
    isResumed: () => Promise.resolve(isResumed),
  };
  polls = new Polls(createLocalQueue({ concurrency: 4 }, { clock, log }), listener, clock, log);
});

/** A configuration in which `x` reads path a, and `x` and `y` read b; or what is given. */
function generation(reads: Readonly<Record<string, readonly string[]>> = { a: ["x"], b: ["x", "y"] }): Generation {
  const dependents: ReturnType<typeof dependentsOf> = new Map([
    ["vault", new Map(Object.entries(reads).map(([path, ids]) => [path, new Set(ids)]))],
  ]);
  const spec = { refreshIntervalMs: EVERY, callsPerMinute: undefined };
  const config = { stores: new Map([["vault", spec]]) } as unknown as Config;
  const watched = new WatchedStore(store, { maxAgeMs: 2 * EVERY, maxLoss: 0.5 }, clock);
  return { config, dependents, stores: new Map([["vault", watched]]) } as unknown as Generation;
}

test.each([
  [60_000, 20, undefined, 60_000],
  [60_000, 20, 120, 60_000],
  [10_000, 20, 120, 12_500],
  [60_000, 1_000, 120, 625_000],
  [1_000, 1, 1, 75_000],
])(
  "an interval of %i ms, %i paths, a budget of %s calls a minute: every %i ms",
  (interval, paths, budget, expected) => {
    expect(pollIntervalMs(interval, paths, budget)).toBe(expected);
  },
);

test("each path is read once in its interval, and only its readers hear of a change", async () => {
  store.put("a", "K");
  store.put("b", "K");
  polls.follow(generation());
  await clock.advance(EVERY);
  expect(new Set(store.reads)).toEqual(new Set(["a", "b"]));
  expect(told.splice(0).toSorted()).toEqual(["vault a x", "vault b x+y"]);
  await clock.advance(5 * EVERY);
  expect(told).toEqual([]);
  store.put("b", "K");
  await clock.advance(1.2 * EVERY);
  expect(told).toEqual(["vault b x+y"]);
});

test("a new configuration ends the polls of paths that nobody reads any more", async () => {
  polls.follow(generation());
  await clock.advance(EVERY);
  polls.follow(generation({ b: ["y"] }));
  const before = store.reads.length;
  await clock.advance(10 * EVERY);
  expect(new Set(store.reads.slice(before))).toEqual(new Set(["b"]));
});

test("somebody who calls is answered by a read that begins after the call", async () => {
  store.put("a", "K");
  polls.follow(generation({ a: ["x"] }));
  const go = store.pause();
  const poll = polls.poll("vault", "a", signal);
  await clock.advance(0);
  store.put("a", "K");
  const called = polls.poll("vault", "a", signal, true);
  go();
  await Promise.all([poll, called]);
  expect(told).toEqual(["vault a x", "vault a x"]);
});

test("a store that fails is said in so many words until it rests, and changes nothing", async () => {
  store.put("a", "K");
  polls.follow(generation({ a: ["x"] }));
  await clock.advance(EVERY);
  told.length = 0;
  store.fail(new HelmwardenError("StoreUnavailable", "It is sealed; unseal it."));
  await clock.advance(60 * EVERY);
  expect(told).toEqual([]);
  const warnings = log.lines.filter((line) => line.startsWith("warn"));
  expect(warnings).toEqual([expect.stringContaining("unseal it")]);
  expect(log.lines.every((line) => !line.startsWith("error"))).toBe(true);
  store.mend();
  store.put("a", "K");
  await clock.advance(60 * EVERY);
  expect(told).toEqual(["vault a x"]);
});

describe("what vanishes", () => {
  beforeEach(async () => {
    store.put("a", "K", "L");
    store.put("b", "K", "L", "M", "N", "O");
    polls.follow(generation());
    await clock.advance(EVERY);
    told.length = 0;
  });

  test("when a second read agrees, everybody on the store has work, as everybody was held", async () => {
    store.remove("a");
    await clock.advance(3 * EVERY);
    expect(new Set(told)).toEqual(new Set(["vault a x", "vault b x+y"]));
  });

  test("a mass loss waits for a person, then everybody has work", async () => {
    store.remove("a");
    store.remove("b");
    await clock.advance(10 * EVERY);
    expect(told.toSorted()).toEqual(["vault a x", "vault b x+y"]);
    told.length = 0;
    isResumed = true;
    await clock.advance(2 * EVERY);
    expect(new Set(told)).toEqual(new Set(["vault a x", "vault b x+y"]));
  });
});
