import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SecretValue } from "../../src/core/secretValue.ts";
import type { Cluster, LiveSecret } from "../../src/ports.ts";
import { canary } from "../support/canary.ts";
import { clusterApi } from "../support/clusterApi.ts";
import { startFaultProxy } from "../support/faultProxy.ts";
import { makeNamespace, type TestNamespace } from "../support/namespace.ts";
import { openCluster } from "../support/openCluster.ts";
import { sharedServers } from "../support/servers.ts";
import { expectFault, expectSilent } from "../support/silence.ts";

// No memory implementation: server-side apply is the contract, and only an API server has it.
const { kubeconfig, runDir } = sharedServers();
const signal = new AbortController().signal;
const api = clusterApi(kubeconfig);

let namespace: TestNamespace;
let cluster: Cluster;

beforeAll(async () => {
  namespace = await makeNamespace(kubeconfig, "secrets");
  cluster = await openCluster(kubeconfig);
});
afterAll(async () => {
  await cluster.close();
  await namespace.remove();
});

const path = (): string => `/api/v1/namespaces/${namespace.name}/secrets`;
const given = (data: Record<string, string>): Map<string, SecretValue> =>
  new Map(Object.entries(data).map(([key, value]) => [key, SecretValue.fromText(value)]));
const textOf = (live: LiveSecret | undefined): Record<string, string> =>
  Object.fromEntries([...(live?.data ?? [])].map(([key, value]) => [key, value.reveal()]));
const apply = (name: string, data: Record<string, string>): Promise<LiveSecret> =>
  cluster.secrets.apply(namespace.name, name, given(data), signal);
const get = (name: string): Promise<LiveSecret | undefined> => cluster.secrets.get(namespace.name, name, signal);

test("an absent Secret is undefined, and is made by apply", async () => {
  expect(await get("new")).toBeUndefined();
  const password = canary("new");
  const made = await apply("new", { password });
  expect(textOf(made)).toEqual({ password });
  expect(made).toMatchObject({ type: "Opaque", immutable: false, ownedKeys: new Set(["password"]) });
  expect(textOf(await get("new"))).toEqual({ password });
  expectSilent(made);
});

test("only our keys of an existing Secret are touched, and its type, labels and other keys stay", async () => {
  const [theirs, old, password] = [canary("theirs"), canary("old"), canary("now")];
  const metadata = { name: "adopted", labels: { app: "wordpress" }, annotations: { note: "kept" } };
  const type = "kubernetes.io/basic-auth";
  await api("POST", path(), { metadata, type, stringData: { username: theirs, password: old } });
  const live = await apply("adopted", { password });
  expect(textOf(live)).toEqual({ username: theirs, password });
  expect(live).toMatchObject({ type, ownedKeys: new Set(["password"]) });
  const { body } = await api("GET", `${path()}/adopted`);
  expect(body).toMatchObject({ metadata });
});

test("it is made of the type that is asked for, and keeps it, whatever is asked for later", async () => {
  const type = "kubernetes.io/basic-auth";
  const [password, next] = [canary("typed"), canary("typed-next")];
  const data = given({ password });
  expect(await cluster.secrets.apply(namespace.name, "typed", data, signal, type)).toMatchObject({ type });
  const later = await apply("typed", { password: next });
  expect(later).toMatchObject({ type, ownedKeys: new Set(["password"]) });
  expect(textOf(later)).toEqual({ password: next });
  expect(await cluster.secrets.apply(namespace.name, "typed", data, signal, "Opaque")).toMatchObject({ type });
});

test("a key that we own and are not given any more keeps its present value", async () => {
  const [first, second, changed] = [canary("first"), canary("second"), canary("changed")];
  await apply("shrinking", { first, second });
  const live = await apply("shrinking", { second: changed });
  expect(textOf(live)).toEqual({ first, second: changed });
  expect(live.ownedKeys).toEqual(new Set(["first", "second"]));
});

test("a key that somebody else applied is taken over by force", async () => {
  const body = { apiVersion: "v1", kind: "Secret", metadata: { name: "taken" }, stringData: { key: canary("other") } };
  await api("PATCH", `${path()}/taken?fieldManager=other&force=true`, body, "application/apply-patch+yaml");
  const key = canary("ours");
  expect(textOf(await apply("taken", { key }))).toEqual({ key });
});

test("any bytes come back as they were", async () => {
  const bytes = Buffer.from([0, 255, 10, 13, 128, 0]);
  const data = new Map([["blob", SecretValue.fromBytes(bytes)]]);
  await cluster.secrets.apply(namespace.name, "binary", data, signal);
  expect((await get("binary"))?.data.get("blob")?.revealBytes()).toEqual(bytes);
});

test("an immutable Secret is refused with advice, before anything is sent", async () => {
  await api("POST", path(), { metadata: { name: "fixed" }, immutable: true, stringData: { key: canary("fixed") } });
  expect((await get("fixed"))?.immutable).toBe(true);
  const fault = await expectFault("ConfigInvalid", () => apply("fixed", { key: canary("other") }));
  expect(fault.message).toContain("immutable");
});

test("a namespace that does not exist, and a value that is too large, are refused", async () => {
  await expectFault("ConfigInvalid", () =>
    cluster.secrets.apply("no-such-namespace", "x", given({ key: canary("nowhere") }), signal),
  );
  const large = canary("large").padEnd(1_100_000, "x");
  await expectFault("ConfigInvalid", () => apply("large", { large }));
});

test("a write of somebody else between our read and our apply is not undone", async () => {
  const proxy = await startFaultProxy(kubeconfig);
  const through = await openCluster(proxy.kubeconfig(join(mkdtempSync(join(runDir, "secrets-")), "kubeconfig")));
  try {
    const [kept, theirs, ours] = [canary("kept"), canary("between"), canary("mine")];
    await apply("raced", { kept });
    let raced = false;
    proxy.onRequest = async ({ method }) => {
      if (method !== "PATCH" || raced) return;
      raced = true;
      const data = { kept: Buffer.from(theirs).toString("base64") };
      await api("PATCH", `${path()}/raced`, { data }, "application/merge-patch+json");
    };
    const live = await through.secrets.apply(namespace.name, "raced", given({ mine: ours }), signal);
    expect(textOf(live)).toEqual({ kept: theirs, mine: ours });
  } finally {
    await through.close();
    await proxy.close();
  }
});
