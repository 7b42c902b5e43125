import { expect, test } from "vitest";
import type { RotationPolicy } from "../../../src/core/rotation/policy.ts";
import type { Generation } from "../../../src/daemon/generation.ts";
import { Loops } from "../../../src/daemon/loops.ts";
import { rotationIdOf, Rotations } from "../../../src/daemon/rotations.ts";
import { SecretValue } from "../../../src/core/secretValue.ts";
import type { StatusRecord } from "../../../src/core/statusRecord.ts";
import type { Log } from "../../../src/ports.ts";
import { canary } from "../../support/canary.ts";

const DAY = 86_400_000;
const START = Date.parse("2026-11-23T00:00:00Z");
const { signal } = new AbortController();
const log: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };

function policy(name: string, more: Partial<RotationPolicy> = {}): RotationPolicy {
  return {
    name,
    namespace: "web",
    cluster: "default",
    secret: { store: "vault", path: `apps/${name}`, key: "TOKEN" },
    every: { kind: "interval", ms: 90 * DAY },
    window: undefined,
    deadlineMs: 14 * DAY,
    jitterMs: 0,
    countStoreChanges: false,
    generate: { kind: "hex", bytes: 32 },
    target: { kind: "none" },
    overlap: undefined,
    owner: undefined,
    notify: undefined,
    where: { file: "test.yaml", line: 1 },
    ...more,
  };
}

/** `ages`: days since the store changed each policy's secret. */
function open(
  policies: readonly RotationPolicy[],
  ages: Readonly<Record<string, number>>,
  sharedQueue = false,
  records = new Map<string, StatusRecord>(),
) {
  let now = START;
  const clock = { now: () => new Date(now), monotonic: () => now, sleep: () => Promise.resolve() };
  const sent: string[] = [];
  const cancelled: string[] = [];
  const events: string[] = [];
  const loops = new Loops(clock);
  let current = policies;
  const reads: string[] = [];
  const store = {
    readPath: (path: string) => {
      reads.push(path);
      const age = ages[path.replace("apps/", "")] ?? 0;
      const updatedAt = new Date(START - age * DAY);
      const value = SecretValue.fromText(canary("token"));
      return Promise.resolve({
        kind: "found",
        secrets: new Map([["TOKEN", { kind: "value", value, version: 1, updatedAt }]]),
      });
    },
  };
  const emit = (_subject: object, _type: string, reason: string): Promise<void> => {
    events.push(reason);
    return Promise.resolve();
  };
  const statuses = {
    get: ({ name }: { name: string }) => Promise.resolve(records.get(name)),
    put: ({ name }: { name: string }, record: StatusRecord) => Promise.resolve(records.set(name, record)),
  };
  const generation = (): Generation =>
    ({
      config: { rotations: current },
      stores: new Map([["vault", store]]),
      app: { cluster: () => Promise.resolve({ events: { emit }, statuses }) },
    }) as unknown as Generation;
  const rotations = new Rotations({
    generation,
    send: (subject) => sent.push(subject),
    queue: { repeat: () => undefined, cancel: (name) => cancelled.push(name) },
    metrics: { rotationEnded() {}, errorSeen() {} },
    loops,
    sharedQueue,
    clock,
    log,
  });
  rotations.follow();
  return {
    rotations,
    sent,
    events,
    reads,
    cancelled,
    loops,
    pass: (ms: number) => (now += ms),
    reload: (next: readonly RotationPolicy[]) => {
      current = next;
      rotations.follow();
    },
  };
}

test("a tick sends what is due, and leaves what is fresh or waits for its window", async () => {
  const closed = { cron: "0 0 1 12 *", durationMs: DAY, timezone: "UTC" };
  const [due, fresh, waits] = [policy("due"), policy("fresh"), policy("waits", { window: closed })];
  const daemon = open([due, fresh, waits], { due: 91, fresh: 89, waits: 91 });
  await daemon.rotations.tick(signal);
  expect(daemon.sent).toEqual([rotationIdOf(due)]);
  expect(daemon.rotations.rows().map(({ state }) => state)).toEqual(["due", "fresh", "waiting"]);
});

test("what is past its deadline and may not start is told once, and again for the next due date only", async () => {
  const closed = { cron: "0 0 1 12 *", durationMs: DAY, timezone: "UTC" };
  const daemon = open([policy("late", { window: closed })], { late: 105 });
  await daemon.rotations.tick(signal);
  daemon.pass(60_000);
  await daemon.rotations.tick(signal);
  expect(daemon.events).toEqual(["RotationOverdue"]);
  expect(daemon.sent).toEqual([]);
});

test("the daemon that comes next does not tell it again, and the one after the next due date does", async () => {
  const closed = { cron: "0 0 1 12 *", durationMs: DAY, timezone: "UTC" };
  const late = policy("late", { window: closed });
  const records = new Map<string, StatusRecord>();
  const first = open([late], { late: 105 }, false, records);
  await first.rotations.tick(signal);
  const second = open([late], { late: 105 }, false, records);
  await second.rotations.tick(signal);
  expect([first.events, second.events]).toEqual([["RotationOverdue"], []]);
  const third = open([late], { late: 107 }, false, records);
  await third.rotations.tick(signal);
  expect(third.events).toEqual(["RotationOverdue"]);
});

test("a path of several policies is read once a tick", async () => {
  const secret = { store: "vault", path: "apps/shared", key: "TOKEN" };
  const daemon = open([policy("one", { secret }), policy("two", { secret }), policy("three")], { shared: 91 });
  await daemon.rotations.tick(signal);
  expect(daemon.reads).toEqual(["apps/shared", "apps/three"]);
  expect(daemon.sent).toHaveLength(2);
});

test("rows that nobody has looked at for minutes are not shown", async () => {
  const daemon = open([policy("due")], { due: 91 });
  await daemon.rotations.tick(signal);
  daemon.pass(119_000);
  expect(daemon.rotations.rows()).toHaveLength(1);
  daemon.pass(1_000);
  expect(daemon.rotations.rows()).toEqual([]);
});

test("a process that ticks alone is dead when it does not; one whose turns fall to others is not", () => {
  const alone = open([policy("due")], {});
  alone.pass(120_001);
  expect(alone.loops.states()).toMatchObject([{ loop: "rotations", ok: false }]);
  const shared = open([policy("due")], {}, true);
  shared.pass(120_001);
  expect(shared.loops.states()).toEqual([]);
});

test("a changed configuration without policies ends the loop", () => {
  const daemon = open([policy("due")], {});
  daemon.reload([]);
  expect(daemon.cancelled).toEqual(["rotations"]);
  expect(daemon.loops.states()).toEqual([]);
});

test("a scheduler that never ticks is as old as its policies, and there is none without them", async () => {
  const daemon = open([policy("due")], {});
  daemon.pass(60_000);
  daemon.reload([policy("due"), policy("other")]);
  expect(daemon.rotations.tickedAt()).toEqual(new Date(START));
  await daemon.rotations.tick(signal);
  expect(daemon.rotations.tickedAt()).toEqual(new Date(START + 60_000));
  daemon.reload([]);
  expect(daemon.rotations.tickedAt()).toBeUndefined();
});
