// What people, dashboards and receivers hear of a rotation.
import { expect, test } from "vitest";
import type { StatusRecord } from "../../../../src/core/statusRecord.ts";
import type { SubjectSpec } from "../../../../src/core/subject.ts";
import { type RotationSurroundings, runRotation } from "../../../../src/operations/rotate/runRotation.ts";
import type { Log } from "../../../../src/ports.ts";
import { canary } from "../../../support/canary.ts";
import { NOW, openModel } from "./model.ts";

const { signal } = new AbortController();
const log: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
const BROKEN = {
  kind: "Release",
  spec: { key: { cluster: "default", namespace: "web", name: "app" }, values: [] },
} as unknown as SubjectSpec;

function open(more: { readonly overlapMs?: number } = {}) {
  const model = openModel("dual", canary("old"));
  const overlap = more.overlapMs === undefined ? undefined : { key: "PREVIOUS", forMs: more.overlapMs };
  const policy = { ...model.policy, overlap, notify: { kind: "slack", url: { fromEnv: "URL" } } as const };
  const heard: string[] = [];
  let now = new Date("2026-11-23T00:00:00Z");
  let known: StatusRecord | undefined;
  let dependents: readonly SubjectSpec[] = [];
  const around = {
    cluster: {
      withLease: async (_lease: object, work: (held: AbortSignal) => Promise<unknown>) => ({
        kind: "held",
        result: await work(signal),
      }),
      statuses: {
        get: () => Promise.resolve(known),
        put: (_subject: object, record: StatusRecord) => {
          known = record;
          return Promise.resolve();
        },
      },
      events: {
        emit: (_subject: object, type: string, reason: string) => {
          heard.push(`${type} ${reason}`);
          return Promise.resolve();
        },
      },
    },
    notify: (_spec: object, { event }: { event: string }) => {
      heard.push(`news ${event}`);
      return Promise.resolve();
    },
    log,
  } as unknown as RotationSurroundings;
  return {
    heard,
    status: () => known?.outcome,
    pass: (ms: number) => (now = new Date(now.getTime() + ms)),
    breakDependent: () => (dependents = [BROKEN]),
    run: async () => {
      const ports = { ...model.ports, dependents, clock: { ...model.ports.clock, now: () => now } };
      const outcome = await runRotation(ports, around, policy, NOW, signal);
      return outcome === "taken" ? outcome : outcome.kind;
    },
  };
}

test("a rotation that nobody holds up is told once, as ended", async () => {
  const { run, heard } = open();
  expect(await run()).toBe("rotated");
  expect(heard).toEqual(["Normal Rotated", "news retired"]);
});

test("one that waits is told when the new value is current, and when the old one has ended", async () => {
  const { run, heard, pass } = open({ overlapMs: 60_000 });
  expect(await run()).toBe("waiting");
  expect(await run()).toBe("waiting");
  pass(60_000);
  expect(await run()).toBe("rotated");
  expect(heard).toEqual(["Normal RotationWaiting", "news rotated", "Normal Rotated", "news retired"]);
});

test("a dependent that fails is told as a failure, once", async () => {
  const { run, heard, breakDependent, status } = open({ overlapMs: 60_000 });
  expect(await run()).toBe("waiting");
  heard.length = 0;
  breakDependent();
  expect(await run()).toBe("unfinished");
  expect(await run()).toBe("unfinished");
  expect(heard).toEqual(["Warning RotationUnfinished", "news failed"]);
  expect(status()).toBe("unfinished");
});
