// The search for secrets is believed only because it finds each form of a leak that is planted for it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { type ClusterApi, clusterApi } from "../../support/clusterApi.ts";
import { CHART_SHOWS, formIn, searchFolder, searchLeaks, searchNamespace } from "../../support/leaks.ts";
import { makeNamespace, type TestNamespace } from "../../support/namespace.ts";
import { waitUntil } from "../../support/process.ts";
import { sharedServers } from "../../support/servers.ts";
import { encodeRelease } from "../../support/storedRelease.ts";

const { kubeconfig } = sharedServers();
const secret = canary("planted");
const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("forms", () => {
  test.each([
    ["raw", `password is ${secret}.`, "raw"],
    ["base64", base64(secret), "base64 at 0"],
    ["base64 after one byte", base64(`:${secret}`), "base64 at 1"],
    ["base64 after two bytes", base64(`x:${secret}`), "base64 at 2"],
    ["base64 in the middle of a text", base64(`{"auths":{"host":{"password":"${secret}"}}}`), "base64 at"],
    ["URL-encoded", Buffer.from(secret).toString("hex").replace(/../g, "%$&"), "URL-encoded"],
    ["JSON-escaped", Buffer.from(secret).toString("hex").replace(/../g, "\\u00$&"), "JSON-escaped"],
    ["hex", Buffer.from(secret).toString("hex").toUpperCase(), "hex"],
  ])("%s is found", (_name, text, form) => {
    expect(formIn(text)).toContain(form);
  });

  test("a digest and a name are not", () => {
    expect(formIn("from 0a56ed142edec8ba022ee3e1c3a59ffa to vault:apps/web#TOKEN@2, helmwarden-canary")).toBe(
      undefined,
    );
  });
});

describe("files", () => {
  let dir: string;
  beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), "helmwarden-leaks-"))));
  afterEach(() => rmSync(dir, { recursive: true }));

  test("contents and names, at any depth, binary or not", () => {
    mkdirSync(join(dir, "a/b"), { recursive: true });
    writeFileSync(join(dir, "a/b/out.log"), `fine\n${secret}\n`);
    writeFileSync(join(dir, "a/binary"), Buffer.concat([Buffer.from([0, 255, 128]), Buffer.from(secret)]));
    writeFileSync(join(dir, secret), "");
    writeFileSync(join(dir, "clean"), "nothing here");
    const found = searchFolder(dir);
    expect(found).toHaveLength(3);
    expect(found.filter((line) => line.includes("clean"))).toEqual([]);
  });
});

describe("the cluster", () => {
  let namespace: TestNamespace;
  let api: ClusterApi;
  let dir: string;
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), "helmwarden-leaks-"));
    api = clusterApi(kubeconfig);
    namespace = await makeNamespace(kubeconfig, "leaks");
  });
  afterEach(async () => {
    rmSync(dir, { recursive: true });
    await namespace.remove();
    // The search at the end of the run must not meet what was planted here.
    const gone = async (): Promise<boolean> =>
      (await api("GET", `/api/v1/namespaces/${namespace.name}`)).status === 404;
    await waitUntil("the namespace is gone", gone, { processes: [], timeoutMs: 30_000 });
  });
  const core = (kind: string, body: object): Promise<unknown> =>
    api("POST", `/api/v1/namespaces/${namespace.name}/${kind}`, body);
  const release = (name: string, description: string): Promise<unknown> =>
    core("secrets", {
      metadata: { name },
      type: "helm.sh/release.v1",
      stringData: { release: encodeRelease({ info: { description } }) },
    });

  test("objects are searched, the data of Secrets and what a chart shows by itself are not", async () => {
    await core("secrets", { metadata: { name: "data-is-fine" }, stringData: { password: secret } });
    await core("secrets", { metadata: { name: "shown", annotations: { last: base64(secret) } } });
    await core("configmaps", { metadata: { name: "status" }, data: { record: secret } });
    await core("configmaps", { metadata: { name: "of-a-chart", labels: { [CHART_SHOWS]: "yes" } }, data: { secret } });
    await core("events", {
      metadata: { name: "told" },
      involvedObject: { namespace: namespace.name },
      message: secret,
      type: "Normal",
    });
    await api("POST", `/apis/coordination.k8s.io/v1/namespaces/${namespace.name}/leases`, {
      metadata: { name: "held" },
      spec: { holderIdentity: secret },
    });
    await release("ours", `helmwarden upgrade: ${secret}`);
    await release("helms", `Upgrade "x" failed: ${secret}`);
    const names = (found: readonly string[]): string[] =>
      found.flatMap((line) => new RegExp(` ${namespace.name}/(\\S+) holds`).exec(line)?.[1] ?? []).sort();
    const expected = ["held", "ours", "shown", "status", "told"];
    expect(names(await searchNamespace(kubeconfig, namespace.name))).toEqual(expected);
    // Events are listed twice, in both of their API groups.
    expect(new Set(names(await searchLeaks({ runDir: dir, kubeconfig })))).toEqual(new Set(expected));
  });
});
