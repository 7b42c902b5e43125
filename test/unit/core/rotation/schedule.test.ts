import { Cron } from "croner";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cronFault, isTimeZone, nextTime, spacingOf } from "../../../../src/core/rotation/cron.ts";
import type { RotationPolicy, RotationWindow } from "../../../../src/core/rotation/policy.ts";
import { formatDuration, formatWindow } from "../../../../src/core/rotation/row.ts";
import { decide, dueAt, isOpen, nextOpening } from "../../../../src/core/rotation/schedule.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const POLICY: RotationPolicy = {
  name: "db",
  namespace: "web",
  cluster: "default",
  secret: { store: "vault", path: "apps/web", key: "DB_PASSWORD" },
  every: { kind: "interval", ms: 90 * DAY },
  window: undefined,
  deadlineMs: 14 * DAY,
  jitterMs: 0,
  countStoreChanges: false,
  generate: { kind: "uuid" },
  target: { kind: "none" },
  overlap: undefined,
  owner: undefined,
  notify: undefined,
  where: { file: "c.yaml", line: 1 },
};

const SATURDAYS: RotationWindow = { cron: "0 2 * * 6", durationMs: 4 * HOUR, timezone: "Europe/Berlin" };
const CRONS = ["0 2 * * 6", "30 23 * * *", "0 0 1 * *", "15 2 29 2 *", "0 */6 * * 1-5", "30 2 * * 0"];
const ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"];

const dates = fc.date({ min: new Date("2023-01-01"), max: new Date("2033-01-01"), noInvalidDate: true });
const windows: fc.Arbitrary<RotationWindow> = fc.record({
  cron: fc.constantFrom(...CRONS),
  timezone: fc.constantFrom(...ZONES),
  durationMs: fc.integer({ min: 1, max: 48 * 60 }).map((minutes) => minutes * MINUTE),
});
const policies: fc.Arbitrary<RotationPolicy> = fc
  .record({
    name: fc.stringMatching(/^[a-z]{1,10}$/),
    every: fc.oneof(
      fc.integer({ min: 1, max: 400 * 24 }).map((hours) => ({ kind: "interval" as const, ms: hours * HOUR })),
      fc.record({
        kind: fc.constant("cron" as const),
        cron: fc.constantFrom(...CRONS),
        timezone: fc.constantFrom(...ZONES),
      }),
    ),
    window: fc.option(windows, { nil: undefined }),
    jitterMs: fc.integer({ min: 0, max: HOUR }),
  })
  .map((given) => ({ ...POLICY, ...given }));

/** A clock on the wall, as `2026-03-29 03:30`. */
function local(date: Date, timeZone: string): string {
  const options = { timeZone, dateStyle: "short", timeStyle: "short" } as const;
  return new Intl.DateTimeFormat("sv-SE", options).format(date);
}

/** What a daemon does that looks each `stepMs`, but sleeps in between for a while. */
function live(
  given: RotationPolicy,
  start: Date,
  lengthMs: number,
  stepMs: number,
  asleep: (ms: number) => boolean,
): Date[] {
  const rotations: Date[] = [];
  for (let ms = 0; ms <= lengthMs; ms += stepMs) {
    if (asleep(ms)) continue;
    const now = new Date(start.getTime() + ms);
    const { nextAt } = decide(given, { lastRotated: rotations.at(-1) ?? start, rotating: false }, now);
    if (nextAt !== undefined && nextAt <= now) rotations.push(now);
  }
  return rotations;
}

describe("due dates", () => {
  test("90 days are 90 times 24 hours, after a 31st, over a leap day and over both changes of the clocks", () => {
    for (const start of [
      "2026-01-31T10:00:00Z",
      "2028-01-31T10:00:00Z",
      "2026-08-31T10:00:00Z",
      "2027-12-31T23:59:59.999Z",
    ]) {
      const due = dueAt(POLICY, new Date(start))!;
      expect(due.getTime() - Date.parse(start)).toBe(90 * DAY);
    }
    expect(dueAt(POLICY, new Date("2026-01-31T10:00:00Z"))).toEqual(new Date("2026-05-01T10:00:00Z"));
    expect(dueAt(POLICY, new Date("2028-01-31T10:00:00Z"))).toEqual(new Date("2028-04-30T10:00:00Z"));
  });

  test("a cron schedule is due at its next time, in its own time zone", () => {
    const quarterly = {
      ...POLICY,
      every: { kind: "cron", cron: "0 3 1 */3 *", timezone: "America/New_York" },
    } as const;
    expect(dueAt(quarterly, new Date("2026-01-01T07:59:59Z"))).toEqual(new Date("2026-01-01T08:00:00Z"));
    expect(dueAt(quarterly, new Date("2026-01-01T08:00:00Z"))).toEqual(new Date("2026-04-01T07:00:00Z"));
    const leap = { ...POLICY, every: { kind: "cron", cron: "0 0 29 2 *", timezone: "UTC" } } as const;
    expect(dueAt(leap, new Date("2026-01-01T00:00:00Z"))).toEqual(new Date("2028-02-29T00:00:00Z"));
  });

  test("who was never rotated, as far as anybody knows, is due at once", () => {
    expect(dueAt(POLICY, undefined)).toBeUndefined();
    const now = new Date("2026-11-23T00:00:00Z");
    expect(decide(POLICY, { lastRotated: undefined, rotating: false }, now)).toEqual({
      state: "due",
      dueAt: undefined,
      nextAt: now,
    });
  });

  test("jitter is the same each time, within its bounds, and spreads policies evenly", () => {
    const last = new Date("2026-01-01T00:00:00Z");
    const early = Array.from({ length: 1000 }, (_, index) => {
      const policy = { ...POLICY, name: `policy-${index}`, jitterMs: DAY };
      const late = dueAt(policy, last)!.getTime() - last.getTime() - 90 * DAY;
      expect(dueAt({ ...policy }, new Date(last))!.getTime() - last.getTime() - 90 * DAY).toBe(late);
      expect(late).toBeGreaterThanOrEqual(0);
      expect(late).toBeLessThanOrEqual(DAY);
      return late < DAY / 2;
    });
    expect(Math.abs(early.filter(Boolean).length - 500)).toBeLessThan(100);
    const policy = { ...POLICY, jitterMs: DAY };
    const other = dueAt(policy, new Date(last.getTime() + 1))!.getTime() - dueAt(policy, last)!.getTime();
    expect(other).not.toBe(1);
  });
});

describe("windows", { timeout: 30_000 }, () => {
  test("one that crosses midnight is open on both sides of it", () => {
    const night: RotationWindow = { cron: "30 23 * * *", durationMs: HOUR, timezone: "Europe/Berlin" };
    const open = (at: string): boolean => isOpen(night, new Date(at));
    expect(open("2026-06-01T21:29:59.999Z")).toBe(false);
    expect(open("2026-06-01T21:30:00Z")).toBe(true);
    expect(open("2026-06-01T22:00:00Z")).toBe(true);
    expect(open("2026-06-01T22:29:59.999Z")).toBe(true);
    expect(open("2026-06-01T22:30:00Z")).toBe(false);
  });

  test.each([
    ["spring", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29 03:00"],
    ["autumn", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25 02:30"],
    ["spring", "America/New_York", "2026-03-07T17:00:00Z", "2026-03-08 03:00"],
    ["autumn", "America/New_York", "2026-10-31T17:00:00Z", "2026-11-01 02:30"],
  ])(
    "in %s, in %s, a window at half past two opens once and stays open as long as ever",
    (_, timezone, from, opens) => {
      const window: RotationWindow = { cron: "30 2 * * *", durationMs: 2 * HOUR, timezone };
      const opening = nextOpening(window, new Date(from))!;
      expect(local(opening, timezone)).toBe(opens);
      expect(isOpen(window, new Date(opening.getTime() + 2 * HOUR - 1))).toBe(true);
      const closed = new Date(opening.getTime() + 2 * HOUR);
      expect(isOpen(window, closed)).toBe(false);
      expect(local(nextOpening(window, closed)!, timezone).slice(11)).toBe("02:30");
      expect(nextOpening(window, closed)!.getTime() - opening.getTime()).toBeGreaterThan(22 * HOUR);
    },
  );

  test("the hour that comes twice in autumn opens the window the first time", () => {
    const window: RotationWindow = { cron: "30 2 * * *", durationMs: 30 * MINUTE, timezone: "Europe/Berlin" };
    expect(nextOpening(window, new Date("2026-10-24T12:00:00Z"))).toEqual(new Date("2026-10-25T00:30:00Z"));
    expect(isOpen(window, new Date("2026-10-25T01:30:00Z"))).toBe(false);
  });

  test("open or not agrees with the wall clock, minute by minute, through both changes", () => {
    for (const [timezone, from] of [
      ["Europe/Berlin", "2026-03-28T22:00:00Z"],
      ["America/New_York", "2026-10-31T22:00:00Z"],
    ] as const) {
      const window: RotationWindow = { cron: "0 4 * * *", durationMs: HOUR, timezone };
      for (let minute = 0; minute < 24 * 60; minute += 1) {
        const at = new Date(Date.parse(from) + minute * MINUTE);
        expect(isOpen(window, at)).toBe(local(at, timezone).slice(11, 13) === "04");
      }
    }
  });

  test("the next opening is open, is not past, and nothing before it is", () => {
    fc.assert(
      fc.property(windows, dates, fc.double({ min: 0, max: 1, noNaN: true }), (window, from, share) => {
        const opening = nextOpening(window, from)!;
        expect(opening >= from).toBe(true);
        expect(isOpen(window, opening)).toBe(true);
        const between = new Date(from.getTime() + Math.floor((opening.getTime() - from.getTime()) * share));
        expect(between < opening && isOpen(window, between)).toBe(false);
        expect(nextOpening(window, opening)).toEqual(opening);
        expect(nextOpening(window, between)).toEqual(opening);
      }),
    );
  });
});

describe("decisions", { timeout: 30_000 }, () => {
  const lastRotated = new Date("2026-08-25T10:00:00Z");
  const policy = { ...POLICY, window: SATURDAYS };
  const at = (now: string, rotating = false) => decide(policy, { lastRotated, rotating }, new Date(now));
  const due = new Date("2026-11-23T10:00:00Z");
  const saturday = new Date("2026-11-28T01:00:00Z");

  test.each([
    ["2026-11-23T09:59:59Z", "fresh", saturday],
    ["2026-11-23T10:00:00Z", "waiting", saturday],
    ["2026-11-28T00:59:59Z", "waiting", saturday],
    ["2026-11-28T01:00:00Z", "due", saturday],
    ["2026-11-28T04:59:59Z", "due", new Date("2026-11-28T04:59:59Z")],
    ["2026-11-28T05:00:00Z", "waiting", new Date("2026-12-05T01:00:00Z")],
    ["2026-12-07T10:00:00Z", "waiting", new Date("2026-12-12T01:00:00Z")],
    ["2026-12-07T10:00:00.001Z", "overdue", new Date("2026-12-12T01:00:00Z")],
    ["2026-12-12T02:00:00Z", "overdue", new Date("2026-12-12T02:00:00Z")],
  ])("at %s it is %s", (now, state, nextAt) => {
    expect(at(now)).toEqual({ state, dueAt: due, nextAt });
  });

  test("what runs is not started again, and without a word from the store nothing is", () => {
    expect(at("2026-12-12T02:00:00Z", true)).toEqual({ state: "rotating", dueAt: due, nextAt: undefined });
    expect(decide(policy, undefined, due)).toEqual({ state: "unknown", dueAt: undefined, nextAt: undefined });
  });

  test("a daemon that slept for a week rotates once, not once for each time that it missed", () => {
    const start = new Date("2026-06-01T00:00:00Z");
    for (const every of [
      { kind: "interval", ms: DAY },
      { kind: "cron", cron: "0 2 * * *", timezone: "UTC" },
    ] as const) {
      const rotations = live({ ...POLICY, every }, start, 7 * DAY + HOUR, 10 * MINUTE, (ms) => ms > 0 && ms < 7 * DAY);
      expect(rotations).toEqual([new Date("2026-06-08T00:00:00Z")]);
    }
  });

  test("between two rotations lies what the policy says, and each is in its window", () => {
    fc.assert(
      fc.property(policies, dates, (given, start) => {
        const rotations = live(given, start, 20 * DAY, HOUR, () => false);
        for (const [index, now] of rotations.entries()) {
          const last = rotations[index - 1] ?? start;
          expect(now >= dueAt(given, last)!).toBe(true);
          expect(given.window === undefined || isOpen(given.window, now)).toBe(true);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("as time goes on, what is due stays due, and what is overdue stays overdue", () => {
    const rank = { fresh: 0, waiting: 1, due: 1, overdue: 2, rotating: 3, unknown: 3 };
    fc.assert(
      fc.property(policies, dates, fc.nat(500 * DAY), fc.nat(500 * DAY), (given, last, first, more) => {
        const facts = { lastRotated: last, rotating: false };
        const earlier = decide(given, facts, new Date(last.getTime() + first));
        const later = decide(given, facts, new Date(last.getTime() + first + more));
        expect(rank[later.state]).toBeGreaterThanOrEqual(rank[earlier.state]);
        expect(later.dueAt).toEqual(earlier.dueAt);
        expect(later.nextAt! >= earlier.nextAt!).toBe(true);
      }),
    );
  });

  test("the due date only moves on with the last rotation, where there is no jitter", () => {
    fc.assert(
      fc.property(policies, dates, fc.nat(400 * DAY), (given, last, more) => {
        const steady = { ...given, jitterMs: 0 };
        const [first, second] = [dueAt(steady, last)!, dueAt(steady, new Date(last.getTime() + more))!];
        expect(second >= first).toBe(true);
        expect(first > last).toBe(true);
      }),
    );
  });
});

describe("cron expressions", { timeout: 30_000 }, () => {
  test("what was asked before changes no answer", () => {
    const asked = fc.array(dates, { minLength: 2, maxLength: 30 });
    fc.assert(
      fc.property(fc.constantFrom(...CRONS), fc.constantFrom(...ZONES), asked, (cron, timezone, times) => {
        for (const time of times) {
          const next = nextTime(cron, timezone, time)!;
          expect(next).toEqual(new Cron(cron, { timezone, paused: true }).nextRun(time));
          expect(next > time).toBe(true);
          expect(nextTime(cron, timezone, new Date(next.getTime() - 1))).toEqual(next);
          expect(nextTime(cron, timezone, next)! > next).toBe(true);
        }
        const gaps = times.map((time) => [time, nextTime(cron, timezone, time)!] as const);
        for (const [time, next] of gaps) expect(gaps.filter(([, other]) => other > time && other < next)).toEqual([]);
      }),
    );
  });

  test.each([
    "0 2 * *",
    "0 2 * * * *",
    "@daily",
    "? * * * *",
    "0 2 * * 8",
    "x 2 * * *",
    "0 2 31 2 *",
    "",
    "0  2 * * 6 ",
  ])("%j is none", (cron) => {
    expect(cronFault(cron)).toBeDefined();
  });

  test.each(["0 2 * * 6", "0 2 * * SAT", "*/15 1-5 1,15 * *", "0 2 L * *", "0 2 * * FRI#2"])("%j is one", (cron) => {
    expect(cronFault(cron)).toBeUndefined();
  });

  test("time zones are those of this machine's calendar", () => {
    expect(["UTC", "Europe/Berlin", "America/New_York"].every(isTimeZone)).toBe(true);
    expect(["Mars/Base", "", "Berlin"].some(isTimeZone)).toBe(false);
  });

  test("the space between two times, over leap days too", () => {
    expect(spacingOf("0 2 * * 6", "UTC")).toEqual({ shortest: 7 * DAY, longest: 7 * DAY });
    expect(spacingOf("0 2 * * 6", "Europe/Berlin")).toEqual({ shortest: 7 * DAY - HOUR, longest: 7 * DAY + HOUR });
    expect(spacingOf("0 2 29 2 *", "UTC")).toEqual({ shortest: 1461 * DAY, longest: 1461 * DAY });
    expect(spacingOf("0 2 1 * *", "UTC")).toEqual({ shortest: 28 * DAY, longest: 31 * DAY });
  });
});

test("a window in words", () => {
  expect(formatWindow({ ...SATURDAYS, durationMs: 90 * MINUTE })).toBe("0 2 * * 6 for 1h30m, Europe/Berlin");
  expect(["0s", "1d", "31d"]).toEqual([0, DAY, 31 * DAY].map(formatDuration));
});
