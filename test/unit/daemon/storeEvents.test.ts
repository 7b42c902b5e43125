import { expect, test } from "vitest";
import type { Config } from "../../../src/core/spec.ts";
import type { Generation } from "../../../src/daemon/generation.ts";
import { followEvents } from "../../../src/daemon/storeEvents.ts";
import { WatchedStore } from "../../../src/daemon/watchedStore.ts";
import { manualClock } from "../../support/clock.ts";
import { memoryStore } from "../../support/memoryStore.ts";

function following(events: boolean) {
  const clock = manualClock();
  const ends = new AbortController();
  const reads: string[] = [];
  const streams: { onEvent: (path: string | undefined) => void; signal: AbortSignal }[] = [];
  const store = {
    ...memoryStore(),
    watchEvents(onEvent: (path: string | undefined) => void, signal: AbortSignal): Promise<void> {
      streams.push({ onEvent, signal });
      return Promise.resolve();
    },
  };
  const generation = {
    config: { stores: new Map([["vault", { provider: { events } }]]) } as unknown as Config,
    dependents: new Map([["vault", new Map([["a", new Set()]])]]),
    stores: new Map([["vault", new WatchedStore(store, { maxAgeMs: 1, maxLoss: 1 }, clock)]]),
  } as unknown as Generation;
  const polls = {
    poll: async (name: string, path: string, _signal: AbortSignal, anew?: boolean) =>
      void reads.push(`${name} ${path}${anew === true ? " anew" : ""}`),
    pollAll: async (name: string) => void reads.push(`${name} all`),
  };
  followEvents(generation, polls, clock, ends.signal);
  return { clock, ends, reads, streams };
}

test("an event has just that path read, anew, and one that names none has all read; a path that nobody reads is left", async () => {
  const { reads, streams } = following(true);
  streams[0]!.onEvent("a");
  streams[0]!.onEvent(undefined);
  streams[0]!.onEvent("elsewhere");
  expect(reads).toEqual(["vault a anew", "vault all"]);
});

test("a burst is a read at once, and one more a second later that sees the end of it", async () => {
  const { clock, reads, streams } = following(true);
  for (let count = 0; count < 1_000; count += 1) streams[0]!.onEvent("a");
  await clock.advance(999);
  expect(reads).toHaveLength(1);
  await clock.advance(10_000);
  expect(reads).toHaveLength(2);
  streams[0]!.onEvent("a");
  expect(reads).toHaveLength(3);
});

test("nothing is read any more once the generation is followed no longer", async () => {
  const { clock, ends, reads, streams } = following(true);
  streams[0]!.onEvent("a");
  streams[0]!.onEvent("a");
  ends.abort();
  await clock.advance(10_000);
  expect(reads).toHaveLength(1);
  expect(streams[0]!.signal.aborted).toBe(true);
});

test("a store that is not configured so is only polled", () => {
  expect(following(false).streams).toEqual([]);
});
