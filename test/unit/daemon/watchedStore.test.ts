import { beforeEach, describe, expect, test } from "vitest";
import { WatchedStore } from "../../../src/daemon/watchedStore.ts";
import { HelmwardenError } from "../../../src/errors.ts";
import type { Rests } from "../../../src/ports.ts";
import { type ManualClock, manualClock } from "../../support/clock.ts";
import { type MemoryStore, memoryStore } from "../../support/memoryStore.ts";

const signal = new AbortController().signal;
const MAX_AGE = 60_000;
const unavailable = new HelmwardenError("StoreUnavailable", "It is sealed; unseal it.");

let store: MemoryStore;
let clock: ManualClock;
let watched: WatchedStore;
beforeEach(() => {
  store = memoryStore();
  clock = manualClock();
  watched = new WatchedStore(store, { maxAgeMs: MAX_AGE, maxLoss: 0.5 }, clock);
});
const refresh = (path = "a"): Promise<boolean> => watched.refresh(path, signal);
const kind = async (path = "a"): Promise<string> => (await watched.readPath(path, signal)).kind;
const word = (): string => watched.state().state;

describe("readings", () => {
  test("a reading answers until it is too old", async () => {
    store.put("a", "K");
    const first = await watched.readPath("a", signal);
    await clock.advance(MAX_AGE);
    expect(await watched.readPath("a", signal)).toBe(first);
    expect(store.reads).toEqual(["a"]);
    await clock.advance(1);
    await watched.readPath("a", signal);
    expect(store.reads).toEqual(["a", "a"]);
    expect(watched.state()).toMatchObject({ paths: 1, ageMs: 0, state: "ok" });
  });

  test("a refresh tells whether something moved", async () => {
    store.put("a", "K");
    expect(await refresh()).toBe(true);
    expect(await refresh()).toBe(false);
    store.put("a", "K");
    expect(await refresh()).toBe(true);
  });

  test("what a pass reads first is still told at the next refresh, once, unless all were compared with it", async () => {
    store.put("a", "K");
    await watched.readPath("a", signal);
    expect([await refresh(), await refresh()]).toEqual([true, false]);
    store.put("b", "K");
    await watched.readPath("b", signal);
    watched.forgetNews();
    expect(await refresh("b")).toBe(false);
  });

  test("once another process knows of a change, only a call that begins after that answers", async () => {
    store.put("a", "K");
    const go = store.pause();
    const early = refresh();
    await clock.advance(1);
    watched.outdate("a");
    const asked = [watched.readPath("a", signal), watched.readPath("a", signal)];
    store.put("a", "K", "L");
    go();
    await early;
    const readings = await Promise.all(asked);
    expect(readings.map((reading) => reading.kind === "found" && reading.secrets.size)).toEqual([2, 2]);
    expect(store.reads).toEqual(["a", "a"]);
    store.fail(unavailable);
    await clock.advance(1);
    watched.outdate("a");
    await expect(kind()).rejects.toMatchObject({ code: "StoreUnavailable" });
  });

  test("many that ask at the same time cost one call; one who knows of a change waits for the next", async () => {
    store.put("a", "K");
    const go = store.pause();
    const joined = [refresh(), refresh(), watched.readPath("a", signal)];
    const anew = [watched.refreshAnew("a", signal), watched.refreshAnew("a", signal)];
    await clock.advance(0);
    expect(store.reads).toEqual(["a"]);
    store.put("a", "K", "L");
    go();
    await Promise.all(joined);
    expect(await Promise.all(anew)).toEqual([true, false]);
    expect(store.reads).toEqual(["a", "a"]);
  });

  test("one whose call is cancelled takes nobody else's answer away", async () => {
    store.put("a", "K");
    const go = store.pause();
    const leaving = new AbortController();
    const first = watched.refresh("a", leaving.signal);
    const second = refresh();
    leaving.abort();
    go();
    await expect(first).rejects.toMatchObject({ name: "AbortError" });
    expect(await second).toBe(true);
    expect(word()).toBe("ok");
  });
});

describe("a store that fails", () => {
  test("is asked five times in a row, rests, and is asked once again", async () => {
    store.put("a", "K");
    await refresh();
    store.fail(unavailable);
    for (let count = 0; count < 4; count += 1) await expect(refresh()).rejects.toThrow("sealed");
    expect(word()).toBe("failing");
    await expect(refresh()).rejects.toThrow("sealed");
    expect(word()).toBe("open");
    await expect(refresh()).rejects.toMatchObject({ code: "StoreUnavailable" });
    expect(store.reads).toHaveLength(6);
    await clock.advance(10_000);
    await expect(refresh()).rejects.toThrow("sealed");
    expect(store.reads).toHaveLength(7);
    store.mend();
    await clock.advance(20_000);
    expect(await refresh()).toBe(false);
    expect(word()).toBe("ok");
  });

  test("still answers with what is not too old, and says how old it is", async () => {
    store.put("a", "K");
    await refresh();
    store.fail(unavailable);
    await clock.advance(MAX_AGE);
    expect(await kind()).toBe("found");
    expect(watched.state().ageMs).toBe(MAX_AGE);
    await clock.advance(1);
    await expect(kind()).rejects.toMatchObject({ code: "StoreUnavailable" });
  });

  test("that asks for fewer calls is left alone for as long as it asks, by every reader", async () => {
    store.fail(new HelmwardenError("StoreThrottled", "Too many calls; wait.", { retryAfterMs: 42_000 }));
    await expect(refresh()).rejects.toMatchObject({ code: "StoreThrottled" });
    store.mend();
    await clock.advance(41_999);
    await expect(refresh("b")).rejects.toMatchObject({ code: "StoreUnavailable" });
    await clock.advance(1);
    await refresh("b");
    expect(store.reads).toEqual(["a", "b"]);
  });

  test("is left alone by every process that shares the queue, and a failure of one concerns no other", async () => {
    let until = 0;
    const rests: Rests = {
      begin: async (name, ms) => void (until = name === store.name ? clock.monotonic() + ms : until),
      left: async () => Math.max(0, until - clock.monotonic()),
    };
    const [one, other] = [1, 2].map(() => new WatchedStore(store, { maxAgeMs: MAX_AGE, maxLoss: 1 }, clock, rests));
    store.fail(unavailable);
    for (let count = 0; count < 5; count += 1) await expect(one!.refresh("a", signal)).rejects.toThrow("sealed");
    await expect(other!.refresh("a", signal)).rejects.toThrow("sealed");
    await clock.advance(10_000);
    store.fail(new HelmwardenError("StoreThrottled", "Too many calls; wait.", { retryAfterMs: 42_000 }));
    await expect(one!.refresh("a", signal)).rejects.toMatchObject({ code: "StoreThrottled" });
    store.mend();
    const asked = store.reads.length;
    await clock.advance(41_999);
    await expect(other!.refresh("a", signal)).rejects.toMatchObject({ code: "StoreUnavailable" });
    expect(store.reads).toHaveLength(asked);
    await clock.advance(1);
    await other!.refresh("a", signal);
    expect(store.reads).toHaveLength(asked + 1);
  });
});

describe("what suddenly vanishes", () => {
  beforeEach(async () => {
    store.put("a", "K", "L", "M", "N");
    store.put("b", "K", "L", "M", "N", "O", "P");
    await Promise.all([refresh("a"), refresh("b")]);
  });

  test("a few keys are believed", async () => {
    store.put("a", "K", "L");
    expect(await refresh("a")).toBe(true);
    expect([word(), await kind()]).toEqual(["ok", "found"]);
  });

  test("most of one path: all of the store is held until a second read says the same", async () => {
    store.put("a", "K");
    expect(await refresh("a")).toBe(true);
    expect([word(), watched.needsPerson()]).toEqual(["suspicious", false]);
    expect([await kind("a"), await kind("b")]).toEqual(["suspicious", "suspicious"]);
    expect(await refresh("a")).toBe(true);
    expect([word(), await kind("a"), await kind("b")]).toEqual(["ok", "found", "found"]);
  });

  test("it comes back: nothing had to be believed", async () => {
    store.remove("a");
    await refresh("a");
    store.put("a", "K", "L", "M", "N");
    expect(await refresh("a")).toBe(true);
    expect([word(), await kind()]).toEqual(["ok", "found"]);
  });

  test("another loss at the second read is not agreement", async () => {
    store.put("a", "K");
    await refresh("a");
    store.put("a", "L");
    expect(await refresh("a")).toBe(true);
    expect(word()).toBe("suspicious");
  });

  test("most of the store: however often it is read, a person decides", async () => {
    store.remove("a");
    store.put("b", "K");
    await Promise.all([refresh("a"), refresh("b")]);
    expect(watched.needsPerson()).toBe(true);
    for (let count = 0; count < 3; count += 1) expect(await refresh("b")).toBe(false);
    expect(await watched.readPath("b", signal)).toMatchObject({
      kind: "suspicious",
      why: expect.stringContaining("helmwarden resume vault") as string,
    });
    watched.resume();
    expect([word(), await kind("a"), await kind("b")]).toEqual(["ok", "missing", "found"]);
  });
});
