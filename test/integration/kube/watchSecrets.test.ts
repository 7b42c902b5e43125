import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { WatchTiming } from "../../../src/kube/watchSecrets.ts";
import type { Cluster, SecretEvent, WatchQuery, WatchState } from "../../../src/ports.ts";
import { canary } from "../../support/canary.ts";
import { type ClusterApi, clusterApi } from "../../support/clusterApi.ts";
import { type ControlPlane, startControlPlane } from "../../support/controlPlane.ts";
import { type FaultProxy, startFaultProxy } from "../../support/faultProxy.ts";
import { makeNamespace, type TestNamespace } from "../../support/namespace.ts";
import { openCluster } from "../../support/openCluster.ts";
import { waitUntil } from "../../support/process.ts";
import { expectSilent } from "../../support/silence.ts";
import { startTcpRelay } from "../../support/tcpRelay.ts";

const WATCH = /\/secrets\?.*watch=true/;
const LIST = /\/secrets\?(?!.*watch=true)/;
const MERGE = "application/merge-patch+json";

let controlPlane: ControlPlane;
let api: ClusterApi;
let dir: string;
let namespace: TestNamespace;
let proxy: FaultProxy;
let events: string[];
const ending: (() => Promise<void>)[] = [];

// Of its own: the API server is stopped in here. Not in the run's folder: etcd's files hold what the Secrets hold.
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "helmwarden-watch-"));
  controlPlane = await startControlPlane({ dir });
  api = clusterApi(controlPlane.kubeconfig);
}, 120_000);
afterAll(async () => {
  await controlPlane.stop();
  rmSync(dir, { recursive: true });
});

beforeEach(async () => {
  namespace = await makeNamespace(controlPlane.kubeconfig, "watch");
  proxy = await startFaultProxy(controlPlane.kubeconfig);
  events = [];
});
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
  await proxy.close();
  await namespace.remove();
});

const proxied = (): string => proxy.kubeconfig(join(dir, "proxy"));

interface Watching {
  readonly state: () => WatchState;
  readonly stop: () => Promise<void>;
}

function onEvent(event: SecretEvent): void {
  expectSilent(event);
  events.push(`${event.kind} ${event.name} ${event.labels["of"] ?? "-"}`);
}

async function watch(
  timing: Partial<WatchTiming> = {},
  query: WatchQuery = {},
  kubeconfig = proxied(),
): Promise<Watching> {
  const cluster: Cluster = await openCluster(kubeconfig, { watch: timing, timeoutMs: 2_000 });
  const controller = new AbortController();
  const watching = cluster.watchSecrets({ namespace: namespace.name, ...query }, onEvent, controller.signal);
  const stop = async (): Promise<void> => {
    controller.abort();
    await watching.done;
    await cluster.close();
  };
  ending.push(stop);
  await until("the watch stands", () => watching.state().healthy);
  return { state: watching.state, stop };
}

const until = (what: string, ready: () => boolean, timeoutMs = 15_000): Promise<void> =>
  waitUntil(what, async () => ready(), { processes: [], timeoutMs, everyMs: 10 });
const asked = (which: RegExp): number => proxy.requests.filter(({ path }) => which.test(path)).length;

const path = (name = ""): string => `/api/v1/namespaces/${namespace.name}/secrets/${name}`;
const make = (name: string): Promise<unknown> =>
  api("POST", path(), { metadata: { name, labels: { of: "test" } }, stringData: { key: canary(name) } });
const change = (name: string): Promise<unknown> =>
  api("PATCH", path(name), { stringData: { key: canary(name) } }, MERGE);
const remove = (name: string): Promise<unknown> => api("DELETE", path(name));

test("what is there is no news; each change, and only it, is told within a second", async () => {
  await make("old");
  const { state } = await watch();
  expect(events).toEqual([]);
  const startedAt = performance.now();
  await make("new");
  await change("old");
  await remove("new");
  await until("three events", () => events.length >= 3);
  expect(performance.now() - startedAt).toBeLessThan(3_000);
  expect(events).toEqual(["changed new test", "changed old test", "deleted new test"]);
  const changedAt = performance.now();
  await change("old");
  await until("the event", () => events.length === 4);
  expect(performance.now() - changedAt).toBeLessThan(1_000);
  expect(state().ageMs).toBeLessThan(1_000);
});

test("selectors hold, and one that matches no more is told as deleted", async () => {
  await make("mine");
  await watch({}, { labelSelector: "of=test", fieldSelector: "type!=helm.sh/release.v1" });
  await api("POST", path(), { metadata: { name: "other" } });
  await api("PATCH", path("mine"), { metadata: { labels: { of: null } } }, MERGE);
  await until("the event", () => events.length > 0);
  expect(events).toEqual(["deleted mine test"]);
});

test("no payload crosses the wire", async () => {
  await watch();
  await until("both calls", () => asked(LIST) === 1 && asked(WATCH) === 1);
  const accepted = proxy.requests.map(({ headers }) => headers.accept);
  for (const accept of accepted) expect(accept).toMatch(/^application\/json;as=PartialObjectMetadata(List)?;/);
});

test("a list comes in its own time, and tells nothing twice", async () => {
  await make("old");
  await watch({ relistMs: 3_000 });
  await change("old");
  await until("the event", () => events.length > 0);
  await until("two more lists", () => asked(LIST) === 3);
  await change("old");
  await until("the next event", () => events.length > 1);
  expect(events).toEqual(["changed old test", "changed old test"]);
});

test("a watch that hangs is cut, and what happened meanwhile is told once", async () => {
  await make("old");
  const { state } = await watch({ silenceMs: 1_500 });
  // It stands, as far as anyone can see, and says nothing.
  proxy.inject({ path: WATCH, times: 1, fault: { kind: "mute" } });
  const watches = asked(WATCH);
  await until("the silent watch", () => asked(WATCH) === watches + 1);
  await change("old");
  expect(events).toEqual([]);
  await until("the event", () => events.length > 0);
  await until("it is believed again", () => state().healthy);
  expect(events).toEqual(["changed old test"]);
  expect(asked(LIST)).toBe(1);
});

test("when a watch falls silent no other of the open connections is believed: all may be dead", async () => {
  const relay = await startTcpRelay(Number(new URL(controlPlane.server).port));
  ending.push(() => relay.close());
  const kubeconfig = join(dir, "relayed");
  const direct = readFileSync(controlPlane.kubeconfig, "utf8");
  writeFileSync(kubeconfig, direct.replaceAll(controlPlane.server, `https://127.0.0.1:${relay.port}`));
  await make("old");
  const silenceMs = 5_000;
  await watch({ silenceMs }, {}, kubeconfig);
  await change("old");
  await until("the first event", () => events.length > 0);
  const connections = relay.connections;
  const start = performance.now();
  relay.silence();
  await change("old");
  await until("the second event", () => events.length > 1);
  expect(events).toEqual(["changed old test", "changed old test"]);
  expect(performance.now() - start).toBeLessThan(2 * silenceMs);
  expect(relay.connections).toBe(connections + 1);
});

test("a watch that never begins is given up", async () => {
  await make("old");
  const { state } = await watch({ silenceMs: 1_000 });
  proxy.inject({ path: WATCH, times: 1, fault: { kind: "hang" } });
  await until("it is noticed", () => !state().healthy);
  await change("old");
  await until("the event", () => events.length > 0);
  expect(events).toEqual(["changed old test"]);
});

test.each([
  ["at its beginning", { status: 410 }],
  ["within it", { status: 200, body: '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}\n' }],
])("a version that is too old (410 %s) is listed anew, also for what was deleted", async (_, answer) => {
  await Promise.all([make("moves"), make("stays"), make("goes")]);
  await watch({ silenceMs: 1_000 });
  const outage = proxy.inject({ path: /\/secrets/, fault: { kind: "reset" } });
  const before = asked(WATCH);
  await until("the outage is met", () => asked(WATCH) > before);
  await Promise.all([change("moves"), remove("goes"), make("comes")]);
  proxy.inject({ path: WATCH, times: 1, fault: { kind: "status", ...answer } });
  outage();
  await until("three events", () => events.length >= 3);
  expect(events.toSorted()).toEqual(["changed comes test", "changed moves test", "deleted goes -"]);
  expect(asked(LIST)).toBe(2);
});

test.each(["", "<html>a login page</html>\n"])("an answer that is no watch (%j) makes no tight loop", async (body) => {
  const { state } = await watch({ silenceMs: 1_000 });
  const heal = proxy.inject({ path: WATCH, fault: { kind: "status", status: 200, body } });
  const before = asked(WATCH);
  await until("it tries", () => asked(WATCH) > before);
  const triedAt = performance.now();
  await until("it tries again", () => asked(WATCH) >= before + 4);
  expect(performance.now() - triedAt).toBeGreaterThan(125 + 250 + 500);
  heal();
  await make("new");
  await until("the event", () => events.length > 0);
  expect(state().healthy).toBe(true);
});

test("it ends when it is told to, whatever it does", async () => {
  const standing = await watch();
  await standing.stop();
  const broken = await watch({ silenceMs: 500 });
  proxy.inject({ path: /\/secrets/, fault: { kind: "reset" } });
  await until("it is broken", () => !broken.state().healthy);
  const stoppedAt = performance.now();
  await broken.stop();
  expect(performance.now() - stoppedAt).toBeLessThan(1_000);
});

test("an API server that goes away and comes back is followed on, and its age tells of the gap", async () => {
  await make("old");
  const { state } = await watch({}, {}, controlPlane.kubeconfig);
  await controlPlane.stopApiServer();
  await until("it is noticed", () => !state().healthy);
  await until("the age grows", () => state().ageMs > 2_000);
  await controlPlane.startApiServer();
  await until("it stands again", () => state().healthy, 30_000);
  await change("old");
  await until("the event", () => events.length > 0);
  expect(events).toEqual(["changed old test"]);
}, 120_000);
