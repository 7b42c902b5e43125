import { beforeEach, expect, test } from "vitest";
import type { App } from "../../../src/app.ts";
import type { Config, ReleaseSync } from "../../../src/core/spec.ts";
import type { Generation } from "../../../src/daemon/generation.ts";
import { createWorker, type Worked } from "../../../src/daemon/worker.ts";
import { type ErrorCode, HelmwardenError } from "../../../src/errors.ts";
import type { WithLease } from "../../../src/ports.ts";
import { manualClock } from "../../support/clock.ts";
import { recordingLog } from "../../support/silence.ts";

const SUBJECT = "default/Release/web/app";
const spec: Partial<ReleaseSync> = { key: { cluster: "default", namespace: "web", name: "app" }, values: [] };

let lease: AbortController;
let sent: string[];
let worked: Worked[];
beforeEach(() => {
  lease = new AbortController();
  sent = [];
  worked = [];
});

const withLease: WithLease = async (_, work) => ({ kind: "held", result: await work(lease.signal) });

/** A worker whose passes end with this fault, while their lease may be lost. */
function workerThatFails(code: ErrorCode, isLost: boolean) {
  const get = async (): Promise<never> => {
    if (isLost) lease.abort();
    throw new HelmwardenError(code, "It did not work; try again.");
  };
  const statuses = { get, put: get, list: get };
  const app = {
    cluster: async () => ({ name: "default", withLease }),
    portsOf: async () => ({ cluster: { statuses } }),
  } as unknown as App;
  const config = { program: { retry: { firstMs: 1_000, mostMs: 60_000, attempts: 2 } } } as Config;
  const subjects = new Map([[SUBJECT, { kind: "Release", spec: spec as ReleaseSync } as const]]);
  const generation: Generation = {
    config,
    app,
    subjects,
    dependents: new Map(),
    stores: new Map(),
    enter: () => () => undefined,
    retire: async () => undefined,
  };
  return createWorker({
    generation: () => generation,
    enqueue: (subject, reason, delayMs) => void sent.push(`${subject} ${reason} ${delayMs}`),
    onWorked: (one) => void worked.push(one),
    onLease: () => undefined,
    isNew: () => false,
    isWatched: () => true,
    clock: manualClock(),
    log: recordingLog(),
    random: () => 1,
  });
}
const run = async (worker: ReturnType<typeof workerThatFails>, reason = "store"): Promise<void> =>
  await worker({ subject: SUBJECT, reason }, new AbortController().signal);

test.each(["Cancelled", "ClusterUnavailable", "UpgradeFailed"] as const)(
  "a pass that lost its lease comes back for the same reason, whatever it ended with: %s",
  async (code) => {
    await run(workerThatFails(code, true), "retry 2");
    expect(sent).toEqual([`${SUBJECT} retry 2 5000`]);
    expect(worked).toEqual([]);
  },
);

test("failures are counted up to the last, an outage's never", async () => {
  await run(workerThatFails("UpgradeFailed", false));
  await run(workerThatFails("UpgradeFailed", false), "retry 2");
  expect(sent.splice(0)).toEqual([`${SUBJECT} retry 2 1000`]);
  expect(worked.splice(0).map(({ stalled }) => stalled)).toEqual([false, true]);
  await run(workerThatFails("ClusterUnavailable", false));
  await run(workerThatFails("ClusterUnavailable", false), "outage 4");
  await run(workerThatFails("UpgradeFailed", false), "outage 4");
  expect(sent).toEqual([`${SUBJECT} outage 2 1000`, `${SUBJECT} outage 5 8000`, `${SUBJECT} retry 2 1000`]);
  expect(worked.map(({ stalled }) => stalled)).toEqual([false, false, false]);
});
