import { expect, it } from "vitest";
import { HelmwardenError } from "../../../../src/errors.ts";
import { keepRenewing } from "../../../../src/providers/vault/renewal.ts";
import type { TokenState } from "../../../../src/providers/vault/schema.ts";
import { type ManualClock, manualClock } from "../../../support/clock.ts";
import { recordingLog } from "../../../support/silence.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const down = new HelmwardenError("StoreUnavailable", "It is down. Wait.");

interface Run {
  readonly clock: ManualClock;
  readonly renewals: number[];
  readonly ends: number[];
  readonly life: AbortController;
  readonly done: Promise<void>;
}

/** `renew` gets the time and the count, and gives hours, nothing (refused), or a fault. */
function run(ttlMs: number, renew: (time: number, count: number) => number | undefined | HelmwardenError): Run {
  const clock = manualClock();
  const renewals: number[] = [];
  const ends: number[] = [];
  const life = new AbortController();
  const answer = async (): Promise<TokenState | undefined> => {
    renewals.push(clock.monotonic());
    const outcome = renew(clock.monotonic(), renewals.length);
    if (outcome instanceof HelmwardenError) throw outcome;
    return outcome === undefined ? undefined : { ttlMs: outcome, renewable: true };
  };
  const deps = { clock, log: recordingLog(), random: () => 0.5 };
  const done = keepRenewing({ ttlMs, renewable: true }, answer, (end) => ends.push(end), deps, life.signal);
  return { clock, renewals, ends, life, done };
}

it("renews a token of 90 days once in two thirds of its life, though that is longer than any timer", async () => {
  const { clock, renewals, ends, life, done } = run(90 * DAY, () => 90 * DAY);
  expect(clock.slept[0]).toBeGreaterThan(2 ** 31 - 1);
  await clock.advance(90 * DAY);
  expect(renewals).toEqual([0.65 * 90 * DAY]);
  expect(ends).toEqual([1.65 * 90 * DAY]);
  life.abort();
  await done;
});

it("goes on after failures with growing delays", async () => {
  const { clock, renewals, ends, life, done } = run(HOUR, (_time, count) => (count <= 4 ? down : HOUR));
  await clock.advance(HOUR);
  const gaps = renewals.slice(1).map((time, index) => time - (renewals[index] ?? 0));
  expect(gaps).toEqual([7_500, 15_000, 30_000, 60_000]);
  expect(ends).toHaveLength(1);
  life.abort();
  await done;
});

it("gives up when the token has ended", async () => {
  const { clock, renewals, done } = run(HOUR, () => down);
  await clock.advance(2 * HOUR);
  await done;
  expect(renewals.length).toBeLessThan(15);
  expect(Math.max(...renewals)).toBeLessThan(HOUR);
});

it("ends at the token's maximum, where a renewal gains nothing", async () => {
  const maximum = 3 * HOUR;
  const { clock, renewals, ends, done } = run(HOUR, (time) => Math.min(HOUR, maximum - time));
  await clock.advance(5 * HOUR);
  await done;
  expect(ends.at(-1)).toBe(maximum);
  expect(renewals.length).toBeLessThan(8);
});

it("ends when Vault refuses, and for tokens that cannot be renewed", async () => {
  const refused = run(HOUR, () => undefined);
  await refused.clock.advance(HOUR);
  await refused.done;
  expect(refused.renewals).toHaveLength(1);
  const endless = run(0, () => HOUR);
  await endless.done;
  expect(endless.clock.slept).toEqual([]);
});

it("ends with the life of the token, and renews no more", async () => {
  const { clock, renewals, life, done } = run(HOUR, () => HOUR);
  life.abort();
  await done;
  await clock.advance(2 * HOUR);
  expect(renewals).toEqual([]);
});
