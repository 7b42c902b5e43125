import { expect, test } from "vitest";
import { underLease } from "../../../src/operations/underLease.ts";
import type { ReleasePorts } from "../../../src/operations/releasePorts.ts";
import type { WithLease } from "../../../src/ports.ts";
import { type ManualClock, manualClock } from "../../support/clock.ts";

const subject = { kind: "Release", namespace: "web", name: "shop" } as const;
const { signal } = new AbortController();

function portsOf(clock: ManualClock, withLease: WithLease): Pick<ReleasePorts, "cluster" | "clock"> {
  return { clock, cluster: { withLease } as ReleasePorts["cluster"] };
}

/** Taken until so many milliseconds have passed. */
function takenUntil(clock: ManualClock, ms: number): WithLease {
  return async (lease, work, until) => {
    expect(lease).toEqual({ namespace: "web", name: "helmwarden-release-shop" });
    if (clock.monotonic() < ms) return { kind: "taken", by: "node-7-42-ab" };
    return { kind: "held", result: await work(until) };
  };
}

test("work that a Lease is free for is done at once", async () => {
  const clock = manualClock();
  expect(await underLease(portsOf(clock, takenUntil(clock, 0)), subject, async () => "done", signal)).toBe("done");
  expect(clock.slept).toEqual([]);
});

test("a Lease that is taken is waited for, longer than a dead holder keeps it", async () => {
  const clock = manualClock();
  const done = underLease(portsOf(clock, takenUntil(clock, 16_000)), subject, async () => "done", signal);
  await clock.advance(16_000);
  expect(await done).toBe("done");
});

test("one that stays taken holds the change after half a minute, and tells who has it and how to look", async () => {
  const clock = manualClock();
  const held = underLease(portsOf(clock, takenUntil(clock, Infinity)), subject, async () => "done", signal);
  await clock.advance(31_000);
  const message = expect.stringMatching(/node-7-42-ab.*kubectl get lease -n web helmwarden-release-shop/);
  expect(await held).toEqual({
    kind: "held",
    holds: [{ reason: "locked", where: "Lease/helmwarden-release-shop", message }],
    changes: [],
  });
});

test("waiting ends with the signal", async () => {
  const clock = manualClock();
  const stop = new AbortController();
  const ports = portsOf(clock, takenUntil(clock, Infinity));
  const waiting = underLease(ports, subject, async () => "done", stop.signal).catch(() => "ended");
  await clock.advance(1_000);
  stop.abort();
  expect(await waiting).toBe("ended");
});

test("with a list for it, the result does not wait until the Lease has been given back", async () => {
  const clock = manualClock();
  const back = Promise.withResolvers<void>();
  const slowToLeave: WithLease = async (_lease, work, until) => {
    const result = await work(until);
    await back.promise;
    return { kind: "held", result };
  };
  const leaving: Promise<unknown>[] = [];
  const ports = portsOf(clock, slowToLeave);
  expect(await underLease(ports, subject, async () => "done", signal, leaving)).toBe("done");
  expect(leaving).toHaveLength(1);
  back.resolve();
  expect(await leaving[0]).toEqual({ kind: "held", result: "done" });
  const failing = underLease(ports, subject, () => Promise.reject(new Error("at work")), signal, []);
  await expect(failing).rejects.toThrow("at work");
});
