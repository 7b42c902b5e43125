import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { formatKey, type ReleaseKey, type StoredRelease } from "../../src/core/release.ts";
import { createReleases } from "../../src/helm/storage.ts";
import type { Cluster, ReleaseReading, Releases } from "../../src/ports.ts";
import { canary } from "../support/canary.ts";
import { clusterApi } from "../support/clusterApi.ts";
import { type FaultProxy, startFaultProxy } from "../support/faultProxy.ts";
import { type HelmRun, helmRun, writeChart } from "../support/helmRun.ts";
import { makeNamespace, type TestNamespace } from "../support/namespace.ts";
import { openCluster } from "../support/openCluster.ts";
import { sharedServers } from "../support/servers.ts";
import { makeServiceAccount } from "../support/serviceAccount.ts";
import { expectFault, expectSilent } from "../support/silence.ts";
import { encodeRelease, releaseJson, storeRecord } from "../support/storedRelease.ts";

// No memory implementation: what real helm writes is the contract.
const { kubeconfig, runDir } = sharedServers();
const signal = new AbortController().signal;
const api = clusterApi(kubeconfig);

const CHART = {
  name: "demo",
  version: "1.2.3",
  values: "password: default\nkept: yes-it-is\nbroken: false\n",
  templates: {
    "secret.yaml":
      "apiVersion: v1\nkind: Secret\nmetadata: {name: {{ .Release.Name }}}\nstringData: {password: {{ .Values.password | quote }}}\n",
    "broken.yaml":
      "{{ if .Values.broken }}\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: NOT-A-NAME}\n{{ end }}\n",
  },
};

let namespace: TestNamespace;
let proxy: FaultProxy;
let cluster: Cluster;
let releases: Releases;
let dir: string;

beforeEach(async () => {
  dir = mkdtempSync(join(runDir, "releases-"));
  namespace = await makeNamespace(kubeconfig, "releases");
  proxy = await startFaultProxy(kubeconfig);
  cluster = await openCluster(proxy.kubeconfig(join(dir, "kubeconfig")));
  releases = createReleases(cluster.listSecrets, cluster.getSecret, cluster.patchStored);
});
afterEach(async () => {
  await cluster.close();
  await proxy.close();
  await namespace.remove();
});

const keyOf = (name: string, where = namespace.name): ReleaseKey => ({ cluster: "default", namespace: where, name });
const found = (reading: ReleaseReading | undefined): StoredRelease => {
  if (reading?.kind !== "found") throw new Error(`expected a release, got ${JSON.stringify(reading)}`);
  return reading.release;
};
const read = (name: string): Promise<ReleaseReading> => releases.read(keyOf(name), signal);
const store = (
  name: string,
  revision: number,
  status: string,
  more: { payloadStatus?: string; config?: object } = {},
) => storeRecord(api, { namespace: namespace.name, name, revision, status, ...more });
const asked = (): string[] => proxy.requests.map(({ path }) => path.replace(/\?.*/, "").split("/").at(-1)!);

describe.each([3, 4] as const)("as helm %i writes it", (major) => {
  let helm: HelmRun;
  let chart: string;
  beforeEach(() => {
    helm = helmRun(major, { kubeconfig, namespace: namespace.name, dir });
    chart = writeChart(dir, CHART);
  });

  test("an installed release comes back with all that an upgrade needs, and shows no secret", async () => {
    const password = canary("installed");
    await helm.run("install", "one", chart, "--set", `password=${password}`);
    const { last, base } = found(await read("one"));
    expect(base).toBe(last);
    expect(last).toMatchObject({ revision: 1, status: "deployed", chart: { name: "demo", version: "1.2.3" } });
    expect(last.labels).toMatchObject({ owner: "helm", status: "deployed" });
    expect(last.config.open()).toEqual({ password });
    expect(last.defaults.open()).toMatchObject({ password: "default", kept: "yes-it-is" });
    expect(last.manifest.reveal()).toContain(password);
    expect(last.objects().open()).toMatchObject([{ kind: "Secret", metadata: { name: "one" } }]);
    expect(last.objects()).toBe(last.objects());
    expect(last.description.reveal()).toBe("Install complete");
    expectSilent(found(await read("one")));
  });

  test("after a failed upgrade the base is the last deployed revision, as for helm's own next upgrade", async () => {
    const [good, bad] = [canary("good"), canary("bad")];
    await helm.run("install", "two", chart, "--set", `password=${good}`);
    await expect(helm.run("upgrade", "two", chart, "--set", `password=${bad},broken=true`)).rejects.toThrow(
      "NOT-A-NAME",
    );
    const { last, base } = found(await read("two"));
    expect(last).toMatchObject({ revision: 2, status: "failed" });
    expect(base).toMatchObject({ revision: 1, status: "deployed" });
    expect(base?.config.open()).toEqual({ password: good });
    expect(last.config.open()).toMatchObject({ password: bad });
    await helm.run("upgrade", "two", chart, "--reuse-values");
    expect(found(await read("two")).base?.config.open()).toEqual({ password: good });
    const older = await releases.readRevision(keyOf("two"), 1, signal);
    expect(older).toMatchObject({ revision: 1, status: "superseded" });
    expect(older?.config.open()).toEqual({ password: good });
    expect(await releases.readRevision(keyOf("two"), 9, signal)).toBeUndefined();
  });

  test("a failed first install is its own base", async () => {
    await expect(helm.run("install", "three", chart, "--set", "broken=true")).rejects.toThrow("NOT-A-NAME");
    const { last, base } = found(await read("three"));
    expect(last).toMatchObject({ revision: 1, status: "failed" });
    expect(base).toBe(last);
  });

  test("an uninstalled release whose history is kept has no base, and one without is missing", async () => {
    await helm.run("install", "four", chart);
    await helm.run("uninstall", "four", "--keep-history");
    const { last, base } = found(await read("four"));
    expect({ status: last.status, base }).toEqual({ status: "uninstalled", base: undefined });
    await helm.run("uninstall", "four");
    expect(await read("four")).toEqual({ kind: "missing" });
  });

  test("a release is the same object until helm writes it, and then a new one", async () => {
    await helm.run("install", "five", chart);
    await helm.run("install", "six", chart);
    const keys = [keyOf("five"), keyOf("six"), keyOf("absent")];
    const first = await releases.readAll(keys, signal);
    const before = proxy.requests.length;
    const second = await releases.readAll(keys, signal);
    expect(proxy.requests.length - before).toBe(1);
    for (const key of keys.slice(0, 2)) {
      expect(found(second.get(formatKey(key)))).toBe(found(first.get(formatKey(key))));
    }
    expect(second.get(formatKey(keys[2]!))).toEqual({ kind: "missing" });
    await helm.run("upgrade", "six", chart, "--set", "kept=changed");
    const third = await releases.readAll(keys, signal);
    expect(found(third.get(formatKey(keys[0]!)))).toBe(found(first.get(formatKey(keys[0]!))));
    expect(found(third.get(formatKey(keys[1]!))).last).toMatchObject({ revision: 2 });
    expect(found(await read("six"))).toBe(found(third.get(formatKey(keys[1]!))));
  });
});

describe("choosing revisions", () => {
  test("a pending revision is last, and the deployed one before it is the base", async () => {
    await store("r", 1, "superseded");
    await store("r", 2, "deployed", { config: { a: 2 } });
    await store("r", 10, "pending-upgrade");
    const { last, base } = found(await read("r"));
    expect([last.revision, last.status, base?.revision]).toEqual([10, "pending-upgrade", 2]);
  });

  test("the last one's status is that of its payload, as for helm; the deployed one is found by label", async () => {
    await store("r", 1, "deployed");
    await store("r", 2, "failed", { payloadStatus: "deployed" });
    expect(found(await read("r"))).toMatchObject({ last: { status: "deployed" }, base: { revision: 2 } });
    await store("r", 2, "pending-upgrade", { payloadStatus: "failed" });
    expect(found(await read("r"))).toMatchObject({ last: { status: "failed" }, base: { revision: 1 } });
    await store("s", 1, "superseded");
    await store("s", 2, "unknown-to-us", { payloadStatus: "superseded" });
    expect(found(await read("s"))).toMatchObject({ last: { status: "superseded" }, base: { revision: 2 } });
  });

  test("only the last revision and the base are read, of however many", async () => {
    for (let revision = 1; revision <= 9; revision += 1) await store("r", revision, "superseded");
    await store("r", 10, "deployed");
    await store("r", 11, "failed");
    proxy.forget();
    await read("r");
    expect(asked()).toEqual(["secrets", "sh.helm.release.v1.r.v11", "sh.helm.release.v1.r.v10"]);
  });
});

const odd = (): Parameters<typeof releaseJson>[0] => ({
  namespace: namespace.name,
  name: "odd",
  revision: 1,
  status: "deployed",
});

const corrupt = (change: (json: Record<string, unknown>) => void): string => {
  const json = releaseJson(odd()) as Record<string, unknown>;
  change(json);
  return encodeRelease(json);
};

describe("odd payloads", () => {
  test("plain JSON, as old releases have it, is read", async () => {
    const json = JSON.stringify(releaseJson({ ...odd(), config: { a: "ü" } }));
    await storeRecord(api, odd(), Buffer.from(json).toString("base64"));
    expect(found(await read("odd")).last.config.open()).toEqual({ a: "ü" });
  });

  test("absent and null values are empty, and strange keys are kept", async () => {
    const json = JSON.parse(JSON.stringify(releaseJson(odd()))) as { config: unknown; chart: { values: unknown } };
    json.config = null;
    json.chart.values = JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}');
    await storeRecord(api, odd(), encodeRelease(json));
    const { last } = found(await read("odd"));
    expect(last.config.open()).toEqual({});
    expect(Object.keys(last.defaults.open())).toEqual(["__proto__", "constructor"]);
  });

  test.each<[string, () => string]>([
    ["nothing", () => ""],
    ["no base64", () => "%%%"],
    ["a cut-off gzip", () => encodeRelease(releaseJson(odd())).slice(0, 60)],
    ["no JSON", () => gzipSync(`{"password": ${canary("cut")}`).toString("base64")],
    ["a bomb", () => gzipSync(Buffer.alloc(80 * 1024 * 1024)).toString("base64")],
    ["a config that is a list", () => corrupt((json) => (json["config"] = []))],
    ["no chart", () => corrupt((json) => delete json["chart"])],
    ["another release", () => corrupt((json) => (json["name"] = "other"))],
    ["another namespace", () => corrupt((json) => (json["namespace"] = "other"))],
    ["another revision", () => corrupt((json) => (json["version"] = 7))],
  ])("%s is corrupt, is not read again, and can be repaired", async (_, payload) => {
    await storeRecord(api, odd(), payload());
    expect(await read("odd")).toEqual({ kind: "corrupt", revision: 1 });
    const before = proxy.requests.length;
    expect(await read("odd")).toEqual({ kind: "corrupt", revision: 1 });
    expect(proxy.requests.length - before).toBe(1);
    await storeRecord(api, odd());
    expect(found(await read("odd")).last.revision).toBe(1);
  });

  test("a corrupt base is told by its revision", async () => {
    await storeRecord(api, odd(), "AAAA");
    await storeRecord(api, { ...odd(), revision: 2, status: "failed" });
    expect(await read("odd")).toEqual({ kind: "corrupt", revision: 1 });
  });
});

describe("many releases", () => {
  test("more than fifty that moved are read in one list, of history only what is needed", async () => {
    const names = Array.from({ length: 60 }, (_, index) => `r${index}`);
    await Promise.all(names.map((name) => store(name, 1, name === "r0" ? "failed" : "superseded")));
    // The newest of r0 was deleted by hand: what is left of it is history, and older failures.
    await Promise.all(names.map((name) => store(name, 2, name === "r0" ? "superseded" : "deployed")));
    const keys = names.map((name) => keyOf(name));
    proxy.forget();
    const all = await releases.readAll(keys, signal);
    expect(new Set(keys.map((key) => found(all.get(formatKey(key))).base?.revision))).toEqual(new Set([2]));
    // What is no history, then the history of the one that has nothing else, then the payloads.
    expect(asked()).toEqual(["secrets", "secrets", "secrets", "sh.helm.release.v1.r0.v2"]);
    proxy.forget();
    await releases.readAll(keys.slice(1), signal);
    expect(asked()).toEqual(["secrets"]);
    expect(proxy.requests[0]?.path).toContain("status%21%3Dsuperseded");
  });

  test("a namespace that is denied takes nobody else down, and read tells why", async () => {
    const [other, secret] = await Promise.all([
      makeNamespace(kubeconfig, "allowed"),
      makeNamespace(kubeconfig, "secret"),
    ]);
    await store("r", 1, "deployed");
    await storeRecord(api, { namespace: other.name, name: "r", revision: 1, status: "deployed" });
    const rules = [{ apiGroups: [""], resources: ["secrets"], verbs: ["get", "list"] }];
    const token = await makeServiceAccount(kubeconfig, [namespace.name, other.name], rules);
    const limited = await openCluster(proxy.kubeconfig(join(dir, "limited"), { token }));
    const through = createReleases(limited.listSecrets, limited.getSecret, limited.patchStored);
    const keys = [keyOf("r"), keyOf("r", other.name), keyOf("r", secret.name)];
    for (let pass = 0; pass < 2; pass += 1) {
      const all = await through.readAll(keys, signal);
      expect([...all.keys()]).toEqual(keys.slice(0, 2).map(formatKey));
    }
    expect(proxy.requests.filter(({ path }) => path.startsWith("/api/v1/secrets"))).toHaveLength(1);
    await expectFault("ClusterDenied", () => through.read(keys[2]!, signal));
    await limited.close();
    await Promise.all([other.remove(), secret.remove()]);
  });

  test("names that helm does not take are missing, and change no selector", async () => {
    await store("r", 1, "deployed");
    const keys = ["r,owner=helm", "R", "", "x".repeat(54)].map((name) => keyOf(name));
    const all = await releases.readAll(keys, signal);
    expect([...all.values()]).toEqual(keys.map(() => ({ kind: "missing" })));
    expect(await releases.read(keys[0]!, signal)).toEqual({ kind: "missing" });
    expect(asked()).toEqual([]);
  });
});

describe("somebody else writes while we read", () => {
  test("a revision that came in between is seen", async () => {
    await store("r", 1, "deployed", { config: { a: 1 } });
    let raced = false;
    proxy.onRequest = async ({ path }) => {
      if (!path.includes("sh.helm.release.v1.r.v1") || raced) return;
      raced = true;
      await store("r", 1, "superseded");
      await store("r", 2, "deployed", { config: { a: 2 } });
    };
    expect(found(await read("r")).base?.config.open()).toEqual({ a: 2 });
  });

  test("a release that never comes to rest is a conflict alone, and left out of many", async () => {
    await store("r", 1, "deployed");
    await store("calm", 1, "deployed");
    proxy.onRequest = async ({ path }) => {
      if (path.includes("sh.helm.release.v1.r.v1")) await store("r", 1, "deployed", { config: { at: Math.random() } });
    };
    await expectFault("ReleaseConflict", () => read("r"));
    const all = await releases.readAll([keyOf("r"), keyOf("calm")], signal);
    expect([...all.keys()]).toEqual([formatKey(keyOf("calm"))]);
  });

  test("one that is deleted meanwhile is missing", async () => {
    await store("r", 1, "deployed");
    proxy.onRequest = async ({ path }) => {
      const secret = `/api/v1/namespaces/${namespace.name}/secrets/sh.helm.release.v1.r.v1`;
      if (path === secret) await api("DELETE", secret);
    };
    expect(await read("r")).toEqual({ kind: "missing" });
  });
});
