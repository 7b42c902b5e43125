import { beforeEach, expect, test } from "vitest";
import { withRestartBudget } from "../../../src/operations/restartBudget.ts";
import type { WorkloadRef, Workloads } from "../../../src/ports.ts";
import { type ManualClock, manualClock } from "../../support/clock.ts";

const refOf = (name: string): WorkloadRef => ({ kind: "Deployment", namespace: "web", name });
const never = new AbortController().signal;

let clock: ManualClock;
let annotated: string[];
let unready: Set<string>;
let budget: Workloads;
beforeEach(() => {
  clock = manualClock();
  annotated = [];
  unready = new Set(["a", "b", "c"]);
  const workloads = {
    annotatePods: async ({ name }: WorkloadRef) => {
      if (name === "broken") throw new Error("no");
      annotated.push(name);
    },
    get: async ({ name }: WorkloadRef) => {
      const updated = unready.has(name) ? 0 : 1;
      return { rollout: { generation: 1, observedGeneration: 1, wanted: 1, updated, ready: 1, total: 1 } };
    },
  };
  budget = withRestartBudget(workloads as unknown as Workloads, 2, clock, never);
});
const restart = (name: string, signal = never): Promise<string> =>
  budget.annotatePods(refOf(name), {}, signal).then(
    () => "restarted",
    (caught: unknown) => (caught as { code?: string }).code ?? "failed",
  );

test("the next one waits until one that was restarted is ready", async () => {
  const all = ["a", "b", "c"].map((name) => restart(name));
  await clock.advance(60_000);
  expect(annotated).toEqual(["a", "b"]);
  unready.delete("b");
  await clock.advance(1_000);
  expect(annotated).toEqual(["a", "b", "c"]);
  expect(await Promise.all(all)).toEqual(["restarted", "restarted", "restarted"]);
});

test("a workload that never becomes ready gives its place back after ten minutes", async () => {
  const all = ["a", "b", "c"].map((name) => restart(name));
  await clock.advance(9 * 60_000);
  expect(annotated).toHaveLength(2);
  await clock.advance(2 * 60_000);
  expect(annotated).toHaveLength(3);
  await Promise.all(all);
});

test("a restart that fails gives its place back at once", async () => {
  expect(await restart("broken")).toBe("failed");
  expect([await restart("a"), await restart("b")]).toEqual(["restarted", "restarted"]);
});

test("a pass that ends while it waits leaves its place to others; one that has ended takes none", async () => {
  await Promise.all([restart("a"), restart("b")]);
  const pass = new AbortController();
  const waits = restart("c", pass.signal);
  pass.abort();
  expect(await waits).toBe("Cancelled");
  expect(await restart("c", pass.signal)).toBe("Cancelled");
  unready.clear();
  const next = restart("c");
  await clock.advance(1_000);
  expect(await next).toBe("restarted");
  expect(annotated).toEqual(["a", "b", "c"]);
});
