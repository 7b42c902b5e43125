import { beforeEach, expect, test } from "vitest";
import type { JsonObject } from "../../../src/core/json.ts";
import { Sealed } from "../../../src/core/secretValue.ts";
import { changedSince, type Restarts, restartReaders } from "../../../src/operations/restart.ts";
import type { ReleasePorts } from "../../../src/operations/releasePorts.ts";
import type { Workload, Workloads } from "../../../src/ports.ts";
import { manualClock } from "../../support/clock.ts";
import { expectFault } from "../../support/silence.ts";

const { signal } = new AbortController();
const key = { kind: "Secret", name: "login", key: "token" } as const;

function workload(name: string, annotations: JsonObject = {}, secret = "login"): Workload {
  const env = [{ name: "TOKEN", valueFrom: { secretKeyRef: { name: secret, key: "token" } } }];
  return {
    ref: { kind: "Deployment", namespace: "web", name },
    podTemplate: new Sealed<JsonObject>({ metadata: { annotations }, spec: { containers: [{ name: "main", env }] } }),
    remembers: false,
    rollout: { generation: 1, observedGeneration: 1, wanted: 1, updated: 1, ready: 1, total: 1 },
  };
}

let annotated: Record<string, string>;
let guarded: string[];
beforeEach(() => {
  annotated = {};
  guarded = [];
});
const restart = (restarts: Partial<Restarts>): ReturnType<typeof restartReaders> => {
  const workloads: Partial<Workloads> = {
    mayDisrupt: async ({ ref }) => !guarded.includes(ref.name),
    annotatePods: async ({ name }, annotations) => {
      annotated[name] = annotations["helmwarden.dev/restarted-for"] ?? "";
    },
  };
  const ports = { cluster: { workloads }, clock: manualClock() } as unknown as ReleasePorts;
  return restartReaders(
    ports,
    { keys: [key], isRolled: () => false, after: [], token: "t1", mode: "auto", ...restarts },
    signal,
  );
};

test("who reads it at start is restarted, unless it was for just this change, or has rolled meanwhile", async () => {
  const done = workload("done", { "helmwarden.dev/restarted-for": "t1" });
  const rolled = workload("rolled", { "checksum/config": "new" });
  const after = [workload("app"), done, rolled, workload("other", {}, "another")];
  const { restarted, rolling } = await restart({
    after,
    isRolled: changedSince([workload("app"), workload("rolled")]),
  });
  expect(restarted.map(({ name }) => name)).toEqual(["app"]);
  expect(rolling.map(({ name }) => name)).toEqual(["done", "rolled", "app"]);
  expect(annotated).toEqual({ app: "t1" });
});

test("one restart is for all changes that are in place, as far as the workload reads them", async () => {
  const covers = [
    { keys: [key], token: "t1" },
    { keys: [key], token: "t2" },
    { keys: [{ ...key, name: "another" }], token: "t3" },
  ];
  await restart({ after: [workload("app")], covers });
  expect(annotated).toEqual({ app: "t1 t2" });
  const after = [workload("app", { "helmwarden.dev/restarted-for": "t1 t2" })];
  expect((await restart({ after, token: "t2" })).restarted).toEqual([]);
  expect((await restart({ after, token: "t3" })).restarted).toHaveLength(1);
});

test("a PodDisruptionBudget without room stops the restart, which comes back", async () => {
  guarded = ["app"];
  const fault = await expectFault("RestartBlocked", () => restart({ after: [workload("app")] }));
  expect(fault.message).toContain("Deployment/app");
  expect(annotated).toEqual({});
  guarded = [];
  await restart({ after: [workload("app")] });
  expect(annotated).toEqual({ app: "t1" });
});
