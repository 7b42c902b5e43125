// The stream of the test server is made after Infisical's sources; its refusal without a licence is a recorded one.
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Store } from "../../../../src/ports.ts";
import { canary } from "../../../support/canary.ts";
import type { InfisicalFixture } from "../../../support/infisicalFixture.ts";
import { infisicalFixture } from "../../../support/infisicalFixture.ts";
import type { InfisicalServerOptions } from "../../../support/infisicalServer.ts";
import { expectSilent } from "../../../support/silence.ts";

const ROUTE = "POST /api/v1/events/subscribe/project-events";
let fixture: InfisicalFixture;
let told: (string | undefined)[];
let ends: AbortController;

async function start(options: InfisicalServerOptions = {}): Promise<InfisicalFixture> {
  fixture = await infisicalFixture({ events: "all", ...options });
  told = [];
  ends = new AbortController();
  return fixture;
}
afterEach(async () => {
  ends.abort();
  expectSilent(fixture.log.lines);
  await fixture.close();
});

function watch(store: Store): Promise<void> {
  return store.watchEvents!((path) => void told.push(path), ends.signal);
}
const until = (isSo: () => void): Promise<void> => vi.waitFor(isSo, { timeout: 10_000, interval: 5 });
const streams = (): number => fixture.server.events.count;
const attempts = (): number => fixture.server.count(ROUTE);
const lines = (level: string): string[] => fixture.log.lines.filter((line) => line.startsWith(level));

describe("a stream that stands", () => {
  test("begins with a resync, and then names the folders of our environment in which something moved", async () => {
    const { server, store } = await start();
    void watch(store());
    await until(() => expect(told).toEqual([undefined]));
    server.putSecret("/app", "KEY", canary("one"));
    server.putSecret("/app", "KEY", canary("elsewhere"), "dev");
    server.putSecret("/app/db", "KEY", canary("two"));
    server.removeSecret("/app", "KEY");
    server.events.tell("secret:import-mutation", "prod", "/importing", "");
    await until(() => expect(told).toEqual([undefined, "/app", "/app/db", "/app", "/importing"]));
  });

  test("takes an event in pieces, and one in another form for anything", async () => {
    const { server, store } = await start();
    void watch(store());
    await until(() => expect(streams()).toBe(1));
    server.events.write('event: secret:update\ndata: {"data":{"payload":[{"environment":"prod","secret');
    server.events.write('Path":"/ä/"}]}}\r\n\r');
    server.events.write('\nevent: secret:update\ndata: {"hello":1}\n\n1\nevent: unheard\ndata: {}\n\n');
    server.events.tell("secret:update", "prod", "/last", "KEY");
    await until(() => expect(told).toEqual([undefined, "/ä", undefined, "/last"]));
  });

  test("holds as long as there are pings, and is made anew when nothing comes any more", async () => {
    const { server, store } = await start();
    void watch(store({ silenceMs: 1_500 }));
    await until(() => expect(streams()).toBe(1));
    const pings = setInterval(() => server.events.ping(), 20);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(attempts()).toBe(1);
    clearInterval(pings);
    await until(() => expect(told).toEqual([undefined, undefined]));
    expect(lines("warn")).toHaveLength(1);
  });

  test("is left by a line without end", async () => {
    const { server, store } = await start();
    void watch(store());
    await until(() => expect(streams()).toBe(1));
    server.events.write("x".repeat(2 ** 20 + 1));
    await until(() => expect(told).toEqual([undefined, undefined]));
    expect(lines("warn").join()).toContain("StoreInvalid");
  });

  test("ends with the signal, and with the store", async () => {
    const { store } = await start();
    const infisical = store();
    const watching = watch(infisical);
    const other = infisical.watchEvents!(() => undefined, new AbortController().signal);
    await until(() => expect(streams()).toBe(2));
    ends.abort();
    await watching;
    await until(() => expect(streams()).toBe(1));
    await infisical.close();
    await other;
    await until(() => expect(streams()).toBe(0));
  });
});

describe("a stream that the server ends", () => {
  test("after an hour is there again within a second, with a resync and not a word", async () => {
    const { server, clock, store } = await start();
    void watch(store());
    await until(() => expect(told).toEqual([undefined]));
    clock.advance(3_600_000);
    server.events.end();
    await until(() => expect(told).toEqual([undefined, undefined]));
    expect(clock.slept).toEqual([750]);
    expect(lines("warn")).toEqual([]);
  });

  test("again and again is asked for less and less often", async () => {
    const { server, clock, store } = await start();
    void watch(store());
    for (let count = 1; count <= 9; count += 1) {
      await until(() => expect(told).toHaveLength(count));
      server.events.end();
    }
    await until(() => expect(told).toHaveLength(10));
    expect(clock.slept.slice(0, 4)).toEqual([750, 1_500, 3_000, 6_000]);
    expect(clock.slept.at(-1)).toBe(45_000);
  });

  test("as our token has expired goes on after one new login", async () => {
    const { server, store, hurryServer, logins } = await start();
    void watch(store());
    await until(() => expect(streams()).toBe(1));
    hurryServer(601_000);
    server.events.end("withError");
    await until(() => expect(told).toEqual([undefined, undefined]));
    expect(logins()).toBe(2);
    server.putSecret("/app", "KEY", canary("one"));
    await until(() => expect(told).toEqual([undefined, undefined, "/app"]));
  });
});

describe("a stream that is refused", () => {
  test.each([["notInPlan"], ["none"]] as const)(
    "for good (%s) is not asked for again, and told once",
    async (events) => {
      const { clock, store } = await start({ events });
      await watch(store());
      expect({ attempts: attempts(), told, slept: clock.slept }).toEqual({ attempts: 1, told: [], slept: [] });
      expect(lines("warn")).toHaveLength(1);
      expect(lines("warn").join()).toContain("only polled");
    },
  );

  test("by permission is told once, and is there as soon as the permission is", async () => {
    const { server, machine, store } = await start();
    server.setRole(machine.id, "no-access");
    void watch(store());
    await until(() => expect(attempts()).toBeGreaterThan(3));
    server.setRole(machine.id, "admin");
    await until(() => expect(told).toEqual([undefined]));
    expect(lines("warn")).toHaveLength(1);
    expect(lines("warn").join()).toContain("permission Secret Events");
  });

  test("for too many of them is asked for when the server says, not before", async () => {
    const { server, clock, store } = await start();
    const infisical = store();
    await infisical.readPath("/", ends.signal);
    server.failNext(1, 429, { "retry-after": "30" });
    void watch(infisical);
    await until(() => expect(told).toEqual([undefined]));
    expect(clock.slept).toEqual([30_000]);
  });

  test("by a server that is down is there when the server is", async () => {
    const { server, store } = await start();
    const infisical = store();
    await infisical.readPath("/", ends.signal);
    server.failNext(4, 502);
    void watch(infisical);
    await until(() => expect(told).toEqual([undefined]));
    expect(attempts()).toBe(5);
    expect(lines("warn")).toHaveLength(1);
  });
});
