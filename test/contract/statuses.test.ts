import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Digest } from "../../src/core/digest.ts";
import type { StatusRecord } from "../../src/core/statusRecord.ts";
import type { Cluster, Subject } from "../../src/ports.ts";
import { clusterApi } from "../support/clusterApi.ts";
import { type FaultProxy, startFaultProxy } from "../support/faultProxy.ts";
import { makeNamespace, type TestNamespace } from "../support/namespace.ts";
import { openCluster } from "../support/openCluster.ts";
import { sharedServers } from "../support/servers.ts";
import { makeServiceAccount } from "../support/serviceAccount.ts";
import { expectFault } from "../support/silence.ts";

const { kubeconfig, runDir } = sharedServers();
const signal = new AbortController().signal;
const api = clusterApi(kubeconfig);

let here: TestNamespace;
let there: TestNamespace;
let proxy: FaultProxy;
let cluster: Cluster;
/** Another worker, whose requests are not counted. */
let other: Cluster;
let dir: string;

beforeAll(async () => {
  dir = mkdtempSync(join(runDir, "statuses-"));
});
beforeEach(async () => {
  [here, there] = await Promise.all([makeNamespace(kubeconfig, "here"), makeNamespace(kubeconfig, "there")]);
  proxy = await startFaultProxy(kubeconfig);
  cluster = await openCluster(proxy.kubeconfig(join(dir, "kubeconfig")));
  other = await openCluster(kubeconfig);
});
afterEach(async () => {
  await Promise.all([cluster.close(), other.close()]);
  await proxy.close();
  await Promise.all([here.remove(), there.remove()]);
});

const record = (revision: number): StatusRecord => ({
  phase: "settled",
  wanted: "0123456789abcdef" as Digest,
  revision,
  outcome: "upgraded",
  run: "r1",
  at: "2026-11-23T10:00:00.000Z",
});
const release = (name: string, namespace = here.name): Subject => ({ kind: "Release", namespace, name });
const put = (subject: Subject, revision: number, by = cluster): Promise<void> =>
  by.statuses.put(subject, record(revision), signal);
const configMaps = (): string => `/api/v1/namespaces/${here.name}/configmaps`;

test("the API server tells when a ConfigMap was written", async () => {
  const start = Date.now();
  await put(release("wordpress"), 1);
  const writtenAt = await cluster.configMapWrittenAt(here.name, "helmwarden-release-wordpress", signal);
  // By whole seconds.
  expect(writtenAt?.getTime()).toBeGreaterThan(start - 1000);
  expect(writtenAt?.getTime()).toBeLessThanOrEqual(Date.now());
  expect(await cluster.configMapWrittenAt(here.name, "absent", signal)).toBeUndefined();
});

test("what was put comes back, whole, and the last one wins", async () => {
  const subject = release("wordpress");
  expect(await cluster.statuses.get(subject, signal)).toBeUndefined();
  const whole: StatusRecord = {
    ...record(3),
    phase: "applying",
    reason: "a reason",
    xray: { cacheKey: "k", reusable: true, paths: [], derived: [], unexplained: ["Secret/x data.y"] },
  };
  await cluster.statuses.put(subject, whole, signal);
  expect(await cluster.statuses.get(subject, signal)).toEqual(whole);
  await put(subject, 4);
  expect(await cluster.statuses.get(subject, signal)).toEqual(record(4));
  const { body } = await api("GET", `${configMaps()}/helmwarden-release-wordpress`);
  expect(body).toMatchObject({
    metadata: { labels: { "app.kubernetes.io/managed-by": "helmwarden", "helmwarden.dev/status": "release" } },
  });
});

test("a release and a Secret of the same name do not meet, nor do two names that are too long", async () => {
  const long = "n".repeat(252);
  const secret = (name: string): Subject => ({ kind: "Secret", namespace: here.name, name });
  const subjects = [
    release("same"),
    secret("same"),
    secret(`${long}a`),
    secret(`${long}b`),
    secret(`${"n.".repeat(120)}x`),
  ];
  for (const [index, subject] of subjects.entries()) await put(subject, index);
  for (const [index, subject] of subjects.entries()) {
    expect((await cluster.statuses.get(subject, signal))?.revision).toBe(index);
  }
  expect((await cluster.statuses.list([here.name], signal)).size).toBe(5);
});

test("a list holds the wanted namespaces, and reads only what others moved", async () => {
  await put(release("a"), 1);
  await put(release("b"), 1);
  await put(release("c", there.name), 1);
  const mine = await cluster.statuses.list([here.name], signal);
  expect([...mine.keys()]).toEqual([`Release/${here.name}/a`, `Release/${here.name}/b`]);
  expect((await cluster.statuses.list([here.name, there.name], signal)).size).toBe(3);
  await put(release("a"), 2);
  await put(release("b"), 2, other);
  const before = proxy.requests.length;
  const found = await cluster.statuses.list([here.name, there.name], signal);
  expect([...found.values()].map(({ revision }) => revision)).toEqual([2, 2, 1]);
  expect(proxy.requests.slice(before).map(({ path }) => path.replace(/\?.*/, ""))).toEqual([
    "/api/v1/configmaps",
    `${configMaps()}/helmwarden-release-b`,
  ]);
});

test("many that moved are read in one list", async () => {
  for (let index = 0; index < 60; index += 1) await put(release(`r${index}`), index, other);
  const before = proxy.requests.length;
  const found = await cluster.statuses.list([here.name], signal);
  expect(found.get(`Release/${here.name}/r59`)?.revision).toBe(59);
  expect(proxy.requests.length - before).toBe(2);
});

test.each(["", "{", "[]", '{"subject":{"kind":"Release","name":"odd"},"phase":"new"}'])(
  "a record that cannot be read (%s) is absent, and can be written again",
  async (text) => {
    await put(release("odd"), 1);
    const path = `${configMaps()}/helmwarden-release-odd`;
    await api("PATCH", path, { data: { record: text } }, "application/merge-patch+json");
    expect(await cluster.statuses.get(release("odd"), signal)).toBeUndefined();
    expect((await cluster.statuses.list([here.name], signal)).size).toBe(0);
    await put(release("odd"), 2);
    expect((await cluster.statuses.get(release("odd"), signal))?.revision).toBe(2);
  },
);

test("where the whole cluster may not be listed, each namespace is, from then on", async () => {
  await put(release("a"), 1);
  await put(release("c", there.name), 2);
  const rules = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list"] }];
  const token = await makeServiceAccount(kubeconfig, [here.name, there.name], rules);
  const limited = await openCluster(proxy.kubeconfig(join(dir, "limited"), { token }));
  const wide = (): number => proxy.requests.filter(({ path }) => path.startsWith("/api/v1/configmaps")).length;
  for (let pass = 0; pass < 2; pass += 1) {
    expect((await limited.statuses.list([here.name, there.name], signal)).size).toBe(2);
    expect(wide()).toBe(1);
  }
  await expectFault("ClusterDenied", () => limited.statuses.put(release("a"), record(9), signal));
  await limited.close();
});

test("an Event is there for people to read", async () => {
  await cluster.events.emit(release("wordpress"), "Warning", "Held", "A reason to act on.", signal);
  const { body } = await api("GET", `/api/v1/namespaces/${here.name}/events`);
  expect(body).toMatchObject({
    items: [
      {
        type: "Warning",
        reason: "Held",
        message: "A reason to act on.",
        involvedObject: { kind: "ConfigMap", name: "helmwarden-release-wordpress" },
        source: { component: "helmwarden" },
      },
    ],
  });
});
