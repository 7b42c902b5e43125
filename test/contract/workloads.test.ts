import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isReady } from "../../src/core/rollout.ts";
import type { Cluster, WorkloadKind, WorkloadRef } from "../../src/ports.ts";
import { canary } from "../support/canary.ts";
import { clusterApi } from "../support/clusterApi.ts";
import { makeNamespace, type TestNamespace } from "../support/namespace.ts";
import { openCluster } from "../support/openCluster.ts";
import { sharedServers } from "../support/servers.ts";
import { expectFault, expectSilent } from "../support/silence.ts";

// No memory implementation: roll-outs are the controllers' doing.
const { kubeconfig } = sharedServers();
const signal = new AbortController().signal;
const api = clusterApi(kubeconfig);
const value = canary("env");

const labels = { app: "demo" };
const template = {
  metadata: { labels, annotations: { theirs: "kept" } },
  spec: {
    containers: [
      {
        name: "main",
        image: "demo",
        env: [{ name: "PASSWORD", value }],
        ports: [{ containerPort: 80 }],
        readinessProbe: { httpGet: { path: "/", port: "http" }, exec: undefined },
      },
    ],
  },
};
type BuiltIn = Exclude<WorkloadKind, "Rollout">;
const specs: Readonly<Record<BuiltIn, { plural: string; spec: object }>> = {
  Deployment: { plural: "deployments", spec: { replicas: 2 } },
  StatefulSet: { plural: "statefulsets", spec: { replicas: 1, serviceName: "demo" } },
  DaemonSet: { plural: "daemonsets", spec: {} },
};
const KINDS = Object.keys(specs) as BuiltIn[];

let namespace: TestNamespace;
let cluster: Cluster;

beforeAll(async () => {
  namespace = await makeNamespace(kubeconfig, "workloads");
  cluster = await openCluster(kubeconfig);
  for (const kind of KINDS) {
    const { plural, spec } = specs[kind];
    await api("POST", `/apis/apps/v1/namespaces/${namespace.name}/${plural}`, {
      metadata: { name: "demo" },
      spec: { ...spec, selector: { matchLabels: labels }, template },
    });
  }
  await api("POST", `/apis/apps/v1/namespaces/${namespace.name}/statefulsets`, {
    metadata: { name: "keeps" },
    spec: {
      ...specs.StatefulSet.spec,
      replicas: 0,
      selector: { matchLabels: labels },
      template,
      volumeClaimTemplates: [
        {
          metadata: { name: "data" },
          spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
        },
      ],
    },
  });
});
afterAll(async () => {
  await cluster.close();
  await namespace.remove();
});

const refOf = (kind: WorkloadKind): WorkloadRef => ({ kind, namespace: namespace.name, name: "demo" });
const becomesReady = (kind: WorkloadKind): Promise<void> =>
  expect
    .poll(async () => isReady((await cluster.workloads.get(refOf(kind), signal))?.rollout), { timeout: 30_000 })
    .toBe(true);

test("all three kinds are listed, and whose volumes may remember what it reads is told", async () => {
  const found = await cluster.workloads.list(namespace.name, signal);
  expect(found.map(({ ref, remembers }) => [ref, remembers])).toEqual([
    [refOf("Deployment"), false],
    [refOf("StatefulSet"), false],
    [{ ...refOf("StatefulSet"), name: "keeps" }, true],
    [refOf("DaemonSet"), false],
  ]);
  expectSilent(found);
});

test("a pod that is told to end works until it is gone, and one that has ended does not", async () => {
  const home = `/api/v1/namespaces/${namespace.name}/pods`;
  // No node takes it, so that nobody but this test says how it is.
  const held = { finalizers: ["helmwarden.dev/test"] };
  const spec = { schedulingGates: [{ name: "helmwarden.dev/test" }], containers: template.spec.containers };
  await api("POST", home, { metadata: { name: "draining", ...held }, spec });
  const say = (status: object): Promise<unknown> =>
    api("PATCH", `${home}/draining/status`, { status }, "application/merge-patch+json");
  const startedAt = "2026-11-23T10:00:00Z";
  const running = {
    name: "main",
    image: "demo",
    imageID: "",
    ready: true,
    restartCount: 0,
    state: { running: { startedAt } },
  };
  await say({ phase: "Running", containerStatuses: [running] });
  await api("DELETE", `${home}/draining`);
  const { body } = await api("GET", `${home}/draining`);
  expect(body).toMatchObject({ metadata: { deletionTimestamp: expect.any(String) as string } });

  const find = async (): Promise<object | undefined> =>
    (await cluster.workloads.pods(namespace.name, signal)).find(({ name }) => name === "draining");
  const found = await find();
  expect(found).toMatchObject({ createdAt: expect.any(Date) as Date, startedAt: new Date(startedAt) });
  expectSilent(found);
  await say({ phase: "Succeeded" });
  expect(await find()).toBeUndefined();
  await api("PATCH", `${home}/draining`, { metadata: { finalizers: null } }, "application/merge-patch+json");
});

describe.each(KINDS)("%s", (kind) => {
  test("its pod template comes as the API server has it, sealed", async () => {
    const found = await cluster.workloads.get(refOf(kind), signal);
    const { body } = await api("GET", `/apis/apps/v1/namespaces/${namespace.name}/${specs[kind].plural}/demo`);
    expect(found?.podTemplate.open()).toEqual((body as { spec: { template: unknown } }).spec.template);
  });

  test("it becomes ready, rolls when its pods are annotated, and becomes ready again", async () => {
    await becomesReady(kind);
    const before = await cluster.workloads.get(refOf(kind), signal);
    expect(before?.rollout.wanted).toBe(kind === "Deployment" ? 2 : 1);
    await cluster.workloads.annotatePods(refOf(kind), { "helmwarden.dev/restarted-at": "now" }, signal);
    const after = await cluster.workloads.get(refOf(kind), signal);
    expect(after?.rollout.generation).toBe((before?.rollout.generation ?? 0) + 1);
    expect(after?.podTemplate.open()).toMatchObject({
      metadata: { labels, annotations: { theirs: "kept", "helmwarden.dev/restarted-at": "now" } },
    });
    await becomesReady(kind);
  });

  test("one that is not there is undefined, and cannot be annotated", async () => {
    const absent = { ...refOf(kind), name: "absent" };
    expect(await cluster.workloads.get(absent, signal)).toBeUndefined();
    await expectFault("ConfigInvalid", () => cluster.workloads.annotatePods(absent, { a: "b" }, signal));
  });
});

test("a Job runs until it has succeeded or failed, and a pod that is waited for is part of that", async () => {
  const pod = {
    nodeSelector: { there: "is-no-such-node" },
    restartPolicy: "Never",
    containers: template.spec.containers,
  };
  const spec = { backoffLimit: 0, template: { spec: pod } };
  const state = () => cluster.workloads.jobState(namespace.name, "once", signal);
  expect(await state()).toBe("absent");
  await api("POST", `/apis/batch/v1/namespaces/${namespace.name}/jobs`, { metadata: { name: "once" }, spec });
  expect(await state()).toBe("running");
  const pods = `/api/v1/namespaces/${namespace.name}/pods`;
  const own = async (): Promise<readonly { metadata: { name: string } }[]> =>
    ((await api("GET", `${pods}?labelSelector=job-name=once`)).body as { items: { metadata: { name: string } }[] })
      .items;
  await expect.poll(async () => (await own()).length, { timeout: 20_000 }).toBe(1);
  expect(await state()).toBe("running");
  const [{ metadata } = { metadata: { name: "" } }] = await own();
  await api(
    "PATCH",
    `${pods}/${metadata.name}/status`,
    { status: { phase: "Failed" } },
    "application/merge-patch+json",
  );
  await expect.poll(state, { timeout: 20_000 }).toBe("ended");
});
