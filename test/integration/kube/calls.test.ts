import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Cluster } from "../../../src/ports.ts";
import { SecretValue } from "../../../src/core/secretValue.ts";
import { canary } from "../../support/canary.ts";
import { type FaultProxy, startFaultProxy } from "../../support/faultProxy.ts";
import { makeNamespace, type TestNamespace } from "../../support/namespace.ts";
import { impatientClock, openCluster } from "../../support/openCluster.ts";
import { sharedServers } from "../../support/servers.ts";
import { makeServiceAccount } from "../../support/serviceAccount.ts";
import { expectFault } from "../../support/silence.ts";

const { kubeconfig, runDir } = sharedServers();
const signal = new AbortController().signal;
const SECRETS = /^\/api\/v1\/namespaces\/[^/]+\/secrets/;

let namespace: TestNamespace;
let proxy: FaultProxy;
let dir: string;
let clock: ReturnType<typeof impatientClock>;
let cluster: Cluster;

beforeAll(async () => {
  namespace = await makeNamespace(kubeconfig, "calls");
});
afterAll(() => namespace.remove());

beforeEach(async () => {
  dir = mkdtempSync(join(runDir, "calls-"));
  proxy = await startFaultProxy(kubeconfig);
  clock = impatientClock();
  cluster = await openCluster(proxy.kubeconfig(join(dir, "kubeconfig")), { timeoutMs: 1_000 }, clock);
});
afterEach(async () => {
  await cluster.close();
  await proxy.close();
});

const readOne = (): Promise<unknown> => cluster.secrets.get(namespace.name, "absent", signal);

describe("connections", () => {
  test("fifty reads one after the other share one connection", async () => {
    for (let count = 0; count < 50; count += 1) await readOne();
    expect(proxy.requests).toHaveLength(50);
    expect(proxy.connections).toBeLessThanOrEqual(2);
  });

  test("fifty reads at once stay within the pool", async () => {
    await Promise.all(Array.from({ length: 50 }, readOne));
    expect(proxy.connections).toBeLessThanOrEqual(16);
  });
});

describe("deadlines", () => {
  test("a server that never answers is unavailable after twice the timeout", async () => {
    proxy.inject({ path: SECRETS, fault: { kind: "hang" } });
    const started = performance.now();
    const fault = await expectFault("ClusterUnavailable", readOne);
    expect(fault.message).toContain("did not answer in time");
    expect(performance.now() - started).toBeLessThan(4_000);
  });

  test("one hanging connection is given up, and the next attempt gets through", async () => {
    proxy.inject({ path: SECRETS, times: 1, fault: { kind: "hang" } });
    await expect(readOne()).resolves.toBeUndefined();
  });

  test("an aborted signal ends the call at once", async () => {
    proxy.inject({ path: SECRETS, fault: { kind: "hang" } });
    const controller = new AbortController();
    const call = cluster.secrets.get(namespace.name, "absent", controller.signal);
    await expect.poll(() => proxy.requests.length).toBe(1);
    const started = performance.now();
    controller.abort();
    await expectFault("Cancelled", () => call);
    expect(performance.now() - started).toBeLessThan(500);
  });
});

describe("sending again", () => {
  test("429 waits as long as Retry-After says, and a little longer, not all alike", async () => {
    proxy.inject({ path: SECRETS, times: 2, fault: { kind: "status", status: 429, headers: { "retry-after": "3" } } });
    await readOne();
    expect(clock.slept).toHaveLength(2);
    for (const ms of clock.slept) expect([ms >= 3_000, ms <= 3_750]).toEqual([true, true]);
    expect(clock.slept[0]).not.toBe(clock.slept[1]);
  });

  test("a Retry-After longer than a call may wait is not cut short: the call fails", async () => {
    proxy.inject({ path: SECRETS, times: 1, fault: { kind: "status", status: 429, headers: { "retry-after": "60" } } });
    await expectFault("ClusterUnavailable", readOne);
    expect([proxy.requests.length, clock.slept]).toEqual([1, []]);
  });

  test("429 without end is unavailable after four attempts", async () => {
    proxy.inject({ path: SECRETS, fault: { kind: "status", status: 429 } });
    await expectFault("ClusterUnavailable", readOne);
    expect(proxy.requests).toHaveLength(4);
  });

  test.each([500, 502, 503, 504])("%i is tried again with growing delays", async (status) => {
    proxy.inject({ path: SECRETS, times: 3, fault: { kind: "status", status } });
    await readOne();
    expect(clock.slept).toHaveLength(3);
    expect(clock.slept[2]).toBeGreaterThan(clock.slept[0]!);
  });

  test("a cut connection is tried again", async () => {
    proxy.inject({ path: SECRETS, times: 2, fault: { kind: "reset" } });
    await expect(readOne()).resolves.toBeUndefined();
  });

  test("an apply whose answer was lost is sent again, to the same end", async () => {
    proxy.inject({ method: "PATCH", path: SECRETS, times: 1, fault: { kind: "lose" } });
    const value = SecretValue.fromText(canary("lost"));
    // What we read before carries a version, so a repeated apply over an existing Secret conflicts and reads again.
    await cluster.secrets.apply(namespace.name, "lost", new Map([["key", value]]), signal);
    proxy.inject({ method: "PATCH", path: SECRETS, times: 1, fault: { kind: "lose" } });
    const live = await cluster.secrets.apply(namespace.name, "lost", new Map([["key", value]]), signal);
    expect(live.data.get("key")?.equals(value)).toBe(true);
  });

  test("an Event whose answer was lost is not sent again, and fails nobody", async () => {
    proxy.inject({ method: "POST", path: /\/events/, fault: { kind: "lose" } });
    const subject = { kind: "Secret", namespace: namespace.name, name: "x" } as const;
    await cluster.events.emit(subject, "Normal", "Applied", "A message", signal);
    expect(proxy.requests.filter(({ method }) => method === "POST")).toHaveLength(1);
  });
});

describe("refusals", () => {
  test("401 without end is denied after one attempt with fresh credentials", async () => {
    proxy.inject({ path: SECRETS, fault: { kind: "status", status: 401 } });
    await expectFault("ClusterDenied", readOne);
    expect(proxy.requests).toHaveLength(2);
  });

  test("403 names verb, resource, namespace and the rule that is missing", async () => {
    const home = await makeNamespace(kubeconfig, "denied");
    try {
      const token = await makeServiceAccount(kubeconfig, [home.name], []);
      const limited = await openCluster(proxy.kubeconfig(join(dir, "limited"), { token }), {}, clock);
      const fault = await expectFault("ClusterDenied", () => limited.secrets.get(home.name, "mine", signal));
      expect(fault.message).toContain(`get secrets mine in namespace ${home.name}`);
      expect(fault.message).toContain('{apiGroups: [""], resources: ["secrets"], verbs: ["get"]}');
      expect(
        await limited.access.can({ verb: "get", group: "", resource: "secrets", namespace: home.name }, signal),
      ).toBe(false);
      const all = { labelSelector: "owner=helm", metadataOnly: true };
      const wide = await expectFault("ClusterDenied", () => limited.listSecrets(all, signal));
      expect(wide.message).toContain("a ClusterRole");
      await limited.close();
    } finally {
      await home.remove();
    }
  });

  test("a refusal that quotes the object is not quoted by us", async () => {
    const secret = canary("echo");
    const bad = new Map([["not a key!", SecretValue.fromText(secret)]]);
    const fault = await expectFault("ConfigInvalid", () => cluster.secrets.apply(namespace.name, "echo", bad, signal));
    expect(fault.detail["status"]).toBe(422);
    const body = JSON.stringify({ kind: "Status", reason: secret, message: secret });
    proxy.inject({ path: SECRETS, fault: { kind: "status", status: 418, body, headers: { "x-secret": secret } } });
    expect((await expectFault("ClusterUnavailable", readOne)).detail["reason"]).toBe("Unknown");
  });

  test("a redirect is not followed", async () => {
    const elsewhere = { location: "https://127.0.0.1:1/" };
    proxy.inject({ path: SECRETS, fault: { kind: "status", status: 302, headers: elsewhere } });
    await expectFault("ClusterUnavailable", readOne);
    expect(proxy.requests).toHaveLength(1);
  });

  test.each(["<html>a login page</html>", "[]", '{"metadata":{}}'])(
    "%s is not a Kubernetes API server",
    async (body) => {
      proxy.inject({ path: SECRETS, fault: { kind: "status", status: 200, body } });
      expect((await expectFault("ClusterUnavailable", readOne)).message).toContain("does not speak");
    },
  );
});

describe("out of reach", () => {
  test("a certificate of another CA is not trusted, and is not retried for ever", async () => {
    const stranger = await openCluster(proxy.kubeconfig(join(dir, "stranger"), { ca: "other" }), {}, clock);
    const fault = await expectFault("ClusterUnavailable", () => stranger.access.serverVersion(signal));
    expect(fault.message).toContain("not trusted");
    expect(clock.slept).toEqual([]);
    await stranger.close();
  });

  test("a server that is gone is unavailable", async () => {
    await readOne();
    await proxy.close();
    const fault = await expectFault("ClusterUnavailable", readOne);
    expect(fault.message).toContain("ECONNREFUSED");
    proxy = await startFaultProxy(kubeconfig);
  });
});

test("access tells the version and what we may do", async () => {
  expect(await cluster.access.serverVersion(signal)).toMatch(/^v\d+\.\d+/);
  expect(
    await cluster.access.can(
      { verb: "patch", group: "apps", resource: "deployments", namespace: namespace.name },
      signal,
    ),
  ).toBe(true);
});
