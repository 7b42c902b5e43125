import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { Sealed } from "../../../src/core/secretValue.ts";
import type { Cluster } from "../../../src/ports.ts";
import { canary } from "../../support/canary.ts";
import { clusterApi } from "../../support/clusterApi.ts";
import { type FaultProxy, startFaultProxy } from "../../support/faultProxy.ts";
import { makeNamespace, type TestNamespace } from "../../support/namespace.ts";
import { impatientClock, openCluster } from "../../support/openCluster.ts";
import { sharedServers } from "../../support/servers.ts";
import { expectFault } from "../../support/silence.ts";

const { kubeconfig, runDir } = sharedServers();
const signal = new AbortController().signal;
const COUNT = 230;

let namespace: TestNamespace;
let proxy: FaultProxy;
let cluster: Cluster;

beforeAll(async () => {
  namespace = await makeNamespace(kubeconfig, "lists");
  const api = clusterApi(kubeconfig);
  const path = `/api/v1/namespaces/${namespace.name}/secrets`;
  const value = canary("listed");
  for (let at = 0; at < COUNT; at += 10) {
    await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        api("POST", path, { metadata: { name: `s-${at + index}`, labels: { of: "lists" } }, stringData: { value } }),
      ),
    );
  }
});
afterAll(() => namespace.remove());

beforeEach(async () => {
  proxy = await startFaultProxy(kubeconfig);
  const dir = mkdtempSync(join(runDir, "lists-"));
  cluster = await openCluster(proxy.kubeconfig(join(dir, "kubeconfig")), {}, impatientClock());
});
afterEach(async () => {
  await cluster.close();
  await proxy.close();
});

const query = (metadataOnly: boolean) => ({ namespace: namespace.name, labelSelector: "of=lists", metadataOnly });
const pages = (): string[] => proxy.requests.map(({ path }) => path);

test("a full list comes in pages, every item once", async () => {
  const found = await cluster.listSecrets(query(false), signal);
  expect(new Set(found.map(({ name }) => name)).size).toBe(COUNT);
  expect(found).toHaveLength(COUNT);
  expect(found[0]?.data.open()["value"]).toBeDefined();
  expect(pages()).toHaveLength(3);
});

test("a list over all namespaces tells each item's own", async () => {
  const { namespace: _, ...everywhere } = query(true);
  const found = await cluster.listSecrets(everywhere, signal);
  expect(new Set(found.map((secret) => secret.namespace))).toEqual(new Set([namespace.name]));
});

test("metadata only carries labels and versions, and no data", async () => {
  const found = await cluster.listSecrets(query(true), signal);
  expect(found).toHaveLength(COUNT);
  expect(found[0]).toMatchObject({ namespace: namespace.name, labels: { of: "lists" } });
  expect(found[0]?.resourceVersion).toMatch(/^\d+$/);
  expect(found.flatMap(({ data }) => Object.keys(data.open()))).toEqual([]);
  expect(pages()).toHaveLength(1);
  expect(proxy.requests[0]?.headers.accept).toContain("PartialObjectMetadataList");
});

test("an expired page token starts the list again, from its first page", async () => {
  proxy.inject({ path: /continue=/, times: 1, fault: { kind: "status", status: 410 } });
  const found = await cluster.listSecrets(query(false), signal);
  expect(new Set(found.map(({ name }) => name)).size).toBe(COUNT);
  expect(found).toHaveLength(COUNT);
  expect(pages().filter((path) => !path.includes("continue="))).toHaveLength(2);
});

test("a page token that always expires is unavailable in the end", async () => {
  proxy.inject({ path: /continue=/, fault: { kind: "status", status: 410 } });
  await expectFault("ClusterUnavailable", () => cluster.listSecrets(query(false), signal));
  expect(pages()).toHaveLength(8);
});

test("one Secret is read by name, or is absent", async () => {
  expect((await cluster.getSecret(namespace.name, "s-7", signal))?.labels).toEqual({ of: "lists" });
  expect(await cluster.getSecret(namespace.name, "s-absent", signal)).toBeUndefined();
});

test("PodDisruptionBudgets that we may not see are not taken for none", async () => {
  const namespaced = { kind: "Deployment", namespace: namespace.name, name: "any" } as const;
  const rollout = { generation: 1, observedGeneration: 1, wanted: 1, updated: 1, ready: 1, total: 1 };
  const workload = { ref: namespaced, podTemplate: new Sealed({}), remembers: false, rollout };
  expect(await cluster.workloads.mayDisrupt(workload, signal)).toBe(true);
  proxy.inject({ path: /poddisruptionbudgets/, fault: { kind: "status", status: 403 } });
  await expectFault("ClusterDenied", () => cluster.workloads.mayDisrupt(workload, signal));
});
