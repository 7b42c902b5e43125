import { afterAll, beforeAll, expect, test } from "vitest";
import { isReady } from "../../src/core/rollout.ts";
import type { Cluster } from "../../src/ports.ts";
import { clusterApi } from "../support/clusterApi.ts";
import { makeNamespace, type TestNamespace } from "../support/namespace.ts";
import { openCluster } from "../support/openCluster.ts";
import { sharedServers } from "../support/servers.ts";

// The kind and its API are real; Argo's controller is not here, so the test writes its status.
const { kubeconfig } = sharedServers();
const signal = new AbortController().signal;
const api = clusterApi(kubeconfig);
const CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const anything = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

let namespace: TestNamespace;
let cluster: Cluster;

beforeAll(async () => {
  namespace = await makeNamespace(kubeconfig, "argo");
  cluster = await openCluster(kubeconfig);
  await api("POST", CRDS, {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "rollouts.argoproj.io" },
    spec: {
      group: "argoproj.io",
      scope: "Namespaced",
      names: { plural: "rollouts", singular: "rollout", kind: "Rollout" },
      versions: [
        {
          name: "v1alpha1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", properties: { spec: anything, status: anything } } },
          subresources: { status: {} },
        },
      ],
    },
  });
});
afterAll(async () => {
  await cluster.close();
  await api("DELETE", `${CRDS}/rollouts.argoproj.io`);
  await namespace.remove();
});

test("an Argo Rollout is listed, restarted by its pod template, and ready by its status", async () => {
  const path = `/apis/argoproj.io/v1alpha1/namespaces/${namespace.name}/rollouts`;
  const template = { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "web", image: "web" }] } };
  const object = {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Rollout",
    metadata: { name: "web" },
    spec: { replicas: 2, template },
  };
  await expect.poll(async () => (await api("POST", path, object)).status, { timeout: 20_000 }).toBe(201);
  const ref = { kind: "Rollout", namespace: namespace.name, name: "web" } as const;
  await expect.poll(() => cluster.workloads.list(namespace.name, signal), { timeout: 20_000 }).toMatchObject([{ ref }]);

  await cluster.workloads.annotatePods(ref, { "kubectl.kubernetes.io/restartedAt": "now" }, signal);
  const after = await cluster.workloads.get(ref, signal);
  expect(after?.podTemplate.open()).toMatchObject({
    metadata: { annotations: { "kubectl.kubernetes.io/restartedAt": "now" } },
  });
  expect(after?.rollout).toMatchObject({ generation: 2, observedGeneration: 0, wanted: 2, ready: 0 });
});

test("one with a workloadRef is told with the template of its Deployment, and restarted there", async () => {
  const path = `/apis/argoproj.io/v1alpha1/namespaces/${namespace.name}/rollouts`;
  const deployments = `/apis/apps/v1/namespaces/${namespace.name}/deployments`;
  const template = { metadata: { labels: { app: "shop" } }, spec: { containers: [{ name: "shop", image: "shop" }] } };
  const labels = { selector: { matchLabels: { app: "shop" } } };
  await api("POST", deployments, { metadata: { name: "shop" }, spec: { replicas: 0, ...labels, template } });
  const rollout = (name: string, spec: object) =>
    api("POST", path, { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout", metadata: { name }, spec });
  const workloadRef = { apiVersion: "apps/v1", kind: "Deployment", name: "shop" };
  await rollout("shop", { replicas: 1, workloadRef });
  // What nobody can read through must not hide the others.
  await rollout("dangling", { workloadRef: { ...workloadRef, name: "gone" } });
  await rollout("odd", { template: 1 });
  const listed = await cluster.workloads.list(namespace.name, signal);
  expect(listed.map(({ ref }) => `${ref.kind}/${ref.name}`)).toEqual(["Rollout/shop", "Rollout/web"]);
  expect(listed[0]?.podTemplate.open()).toMatchObject({ spec: { containers: [{ image: "shop" }] } });

  const ref = { kind: "Rollout", namespace: namespace.name, name: "shop" } as const;
  await cluster.workloads.annotatePods(ref, { "kubectl.kubernetes.io/restartedAt": "now" }, signal);
  const annotated = { metadata: { annotations: { "kubectl.kubernetes.io/restartedAt": "now" } } };
  const deployment = (await api("GET", `${deployments}/shop`)).body as { metadata: { generation: number } };
  expect(deployment).toMatchObject({ spec: { template: annotated } });
  expect((await api("GET", `${path}/shop`)).body).toMatchObject({ spec: { replicas: 1, workloadRef } });

  const status = { observedGeneration: "1", updatedReplicas: 1, readyReplicas: 1, replicas: 1 };
  const writeStatus = (workloadObservedGeneration: number) =>
    api(
      "PATCH",
      `${path}/shop/status`,
      { status: { ...status, workloadObservedGeneration: String(workloadObservedGeneration) } },
      "application/merge-patch+json",
    );
  const ready = async () => isReady((await cluster.workloads.get(ref, signal))?.rollout);
  await writeStatus(deployment.metadata.generation - 1);
  expect(await ready()).toBe(false);
  await writeStatus(deployment.metadata.generation);
  expect(await ready()).toBe(true);
  expect((await cluster.workloads.get(ref, signal))?.podTemplate.open()).toMatchObject(annotated);
});

test("a PodDisruptionBudget without room says no, for the workloads that it selects", async () => {
  const deployments = `/apis/apps/v1/namespaces/${namespace.name}/deployments`;
  for (const app of ["guarded", "free"]) {
    const template = { metadata: { labels: { app } }, spec: { containers: [{ name: "main", image: "demo" }] } };
    await api("POST", deployments, {
      metadata: { name: app },
      spec: { replicas: 1, selector: { matchLabels: { app } }, template },
    });
  }
  await api("POST", `/apis/policy/v1/namespaces/${namespace.name}/poddisruptionbudgets`, {
    metadata: { name: "guarded" },
    spec: { minAvailable: 1, selector: { matchLabels: { app: "guarded" } } },
  });
  const ask = async (name: string): Promise<boolean | undefined> => {
    const workload = await cluster.workloads.get({ kind: "Deployment", namespace: namespace.name, name }, signal);
    return workload === undefined ? undefined : await cluster.workloads.mayDisrupt(workload, signal);
  };
  await expect.poll(() => ask("guarded"), { timeout: 20_000 }).toBe(false);
  expect(await ask("free")).toBe(true);
});
