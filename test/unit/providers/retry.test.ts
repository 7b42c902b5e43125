import { describe, expect, it } from "vitest";
import type { Exchange, FaultKind } from "../../../src/providers/httpExchange.ts";
import { retryDelayMs } from "../../../src/providers/retry.ts";

const get = { method: "GET", path: "/" };
const post = { method: "POST", path: "/" };
const most = (): number => 1;

const answer = (status: number, retryAfter?: string): Exchange => ({
  kind: "answer",
  response: {
    status,
    headers: retryAfter === undefined ? {} : { "retry-after": retryAfter },
    body: Buffer.from("busy"),
  },
});
const fault = (why: FaultKind): Exchange => ({ kind: "fault", why, code: "" });
const isRetried = (request: typeof get, outcome: Exchange): boolean =>
  retryDelayMs(request, outcome, 0, most) !== undefined;
const delays = (random: () => number): (number | undefined)[] =>
  [0, 1, 2, 3].map((attempt) => retryDelayMs(get, answer(500), attempt, random));

describe("another attempt", () => {
  it.each([
    [200, false, false],
    [304, false, false],
    [400, false, false],
    [401, false, false],
    [403, false, false],
    [404, false, false],
    [412, true, false],
    [429, true, true],
    [500, true, false],
    [501, false, false],
    [502, true, false],
    [503, true, true],
    [504, true, false],
  ])("after status %d: %s for a GET, %s for a POST", (status, onGet, onPost) => {
    expect([isRetried(get, answer(status)), isRetried(post, answer(status))]).toEqual([onGet, onPost]);
  });

  it.each([
    ["unsent", true, true],
    ["broken", true, false],
    ["timeout", true, false],
    ["untrusted", false, false],
    ["tooLarge", false, false],
    ["malformed", false, false],
    ["aborted", false, false],
  ] as const)("after a fault %s: %s for a GET, %s for a POST", (why, onGet, onPost) => {
    expect([isRetried(get, fault(why)), isRetried(post, fault(why))]).toEqual([onGet, onPost]);
  });

  it("comes three times, after twice as long each, with full jitter", () => {
    expect(delays(most)).toEqual([250, 500, 1_000, undefined]);
    expect(delays(() => 0)).toEqual([0, 0, 0, undefined]);
  });

  it("waits out Retry-After and a little more", () => {
    expect(retryDelayMs(post, answer(429, "7"), 2, () => 0)).toBe(7_000);
    expect(retryDelayMs(post, answer(429, "7"), 0, () => 0.5)).toBe(7_125);
    expect(retryDelayMs(post, answer(429, "-1"), 0, most)).toBe(250);
    expect(retryDelayMs(post, answer(429, "soon"), 0, most)).toBe(250);
  });

  it("comes where the caller says so", () => {
    const asking = { ...get, retryAlso: ({ body }: { body: Buffer }) => body.includes("busy") };
    expect(isRetried(asking, answer(400))).toBe(true);
    expect(isRetried({ ...post, repeatable: true } as typeof post, answer(500))).toBe(true);
  });
});
