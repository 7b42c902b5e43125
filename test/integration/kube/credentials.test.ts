import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { delimiter, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ClusterOptions } from "../../../src/kube/cluster.ts";
import { createCluster } from "../../../src/kube/cluster.ts";
import type { Cluster } from "../../../src/ports.ts";
import { canary } from "../../support/canary.ts";
import { realClock } from "../../support/clock.ts";
import { readAccess } from "../../support/clusterApi.ts";
import { type FaultProxy, startFaultProxy } from "../../support/faultProxy.ts";
import { makeNamespace, type TestNamespace } from "../../support/namespace.ts";
import { impatientClock, openCluster } from "../../support/openCluster.ts";
import { sharedServers } from "../../support/servers.ts";
import { makeServiceAccount, makeToken } from "../../support/serviceAccount.ts";
import { expectFault, recordingLog } from "../../support/silence.ts";

const { kubeconfig } = sharedServers();
const signal = new AbortController().signal;
const READ_SECRETS = [{ apiGroups: [""], resources: ["secrets"], verbs: ["get"] }];

let namespace: TestNamespace;
let token: string;
let proxy: FaultProxy;
let dir: string;

beforeAll(async () => {
  namespace = await makeNamespace(kubeconfig, "credentials");
  token = await makeServiceAccount(kubeconfig, [namespace.name], READ_SECRETS);
});
afterAll(() => namespace.remove());
beforeEach(async () => {
  proxy = await startFaultProxy(kubeconfig);
  // Not in the run's folder, which is searched for secrets: the plugins in here hold some.
  dir = mkdtempSync(join(tmpdir(), "helmwarden-credentials-"));
});
afterEach(async () => {
  await proxy.close();
  rmSync(dir, { recursive: true });
});

const open = (context: string, options: Partial<ClusterOptions>): Promise<Cluster> =>
  createCluster(
    context,
    { fieldManager: "helmwarden", holder: "test", ...options },
    { clock: realClock, log: recordingLog() },
  );

const bearers = (): (string | undefined)[] => proxy.requests.map(({ headers }) => headers.authorization);

interface ProxyKubeconfig {
  clusters: { name: string; cluster: { server: string; "certificate-authority-data": string } }[];
  users: { name: string; user: Record<string, unknown> }[];
  contexts: unknown[];
  "current-context"?: string;
}

function writeKubeconfig(name: string, change: (config: ProxyKubeconfig) => void): string {
  const path = proxy.kubeconfig(join(dir, name));
  const config = JSON.parse(readFileSync(path, "utf8")) as ProxyKubeconfig;
  change(config);
  writeFileSync(path, JSON.stringify(config));
  return path;
}

describe("which cluster", () => {
  test("nothing given is an error, and never http://localhost:8080", async () => {
    const fault = await expectFault("ConfigInvalid", () => open("default", {}));
    expect(fault.message).toContain("KUBECONFIG");
    await expectFault("ConfigInvalid", () => open("other", { inCluster: { host: "10.0.0.1", port: "443" } }));
  });

  test("a context that is not there, a missing file and one that is none are errors", async () => {
    const fault = await expectFault("ConfigInvalid", () => open("nowhere", { kubeconfig }));
    expect(fault.message).toContain("helmwarden-test");
    await expectFault("ConfigInvalid", () => open("default", { kubeconfig: join(dir, "absent") }));
    const broken = join(dir, "broken");
    writeFileSync(broken, `users: [{token: ${canary("broken")}`);
    await expectFault("ConfigInvalid", () => open("default", { kubeconfig: broken }));
    const empty = writeKubeconfig("no-context", (config) => delete config["current-context"]);
    await expectFault("ConfigInvalid", () => open("default", { kubeconfig: empty }));
    const dangling = writeKubeconfig("dangling", (config) => (config.users = []));
    await expectFault("ConfigInvalid", () => open("default", { kubeconfig: dangling }));
    for (const server of ["ftp://x", "http://127.0.0.1:8080", "x"]) {
      const odd = writeKubeconfig("odd", (config) => (config.clusters[0]!.cluster.server = server));
      await expectFault("ConfigInvalid", () => open("default", { kubeconfig: odd }));
    }
  });

  test("several files are merged, the first wins, and any context can be named", async () => {
    const second = proxy.kubeconfig(join(dir, "second"));
    const paths = [join(dir, "absent"), kubeconfig, second, second].join(delimiter);
    const [first, other] = await Promise.all([
      open("default", { kubeconfig: paths }),
      open("proxy", { kubeconfig: paths }),
    ]);
    await first.access.serverVersion(signal);
    expect(proxy.requests).toHaveLength(0);
    await other.access.serverVersion(signal);
    expect(proxy.requests).toHaveLength(1);
    await Promise.all([first.close(), other.close()]);
  });
});

const inPod = (): ClusterOptions["inCluster"] & object => {
  const folder = join(dir, "serviceaccount");
  mkdirSync(folder, { recursive: true });
  const authority = JSON.parse(readFileSync(proxy.kubeconfig(join(dir, "ca")), "utf8")) as ProxyKubeconfig;
  const data = authority.clusters[0]!.cluster["certificate-authority-data"];
  writeFileSync(join(folder, "ca.crt"), Buffer.from(data, "base64"));
  writeFileSync(join(folder, "token"), `${token}\n`);
  const { hostname, port } = new URL(proxy.server);
  return { host: hostname, port, folder };
};

test("the kubeconfig's proxy-url is used", async () => {
  const tunnelled: string[] = [];
  const tunnel = createServer().on("connect", (request, socket) => {
    tunnelled.push(request.url ?? "");
    const { hostname, port } = new URL(`http://${request.url}`);
    const onward = connect(Number(port), hostname, () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      onward.pipe(socket).pipe(onward);
    });
    onward.on("error", () => socket.destroy());
    socket.on("error", () => onward.destroy());
  });
  await new Promise<void>((resolve) => tunnel.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(tunnel.address() as AddressInfo).port}`;
  const path = writeKubeconfig("tunnel", (config) => Object.assign(config.clusters[0]!.cluster, { "proxy-url": url }));
  const cluster = await openCluster(path);
  await cluster.access.serverVersion(signal);
  await cluster.access.serverVersion(signal);
  expect(new Set(tunnelled)).toEqual(new Set([proxy.server.replace("https://", "")]));
  expect(proxy.connections).toBeLessThanOrEqual(2);
  await cluster.close();
  await new Promise((resolve) => tunnel.close(resolve));
});

describe("tokens", () => {
  test("in a pod the mounted token and CA are used, and a rotated token as soon as the old one is refused", async () => {
    const inCluster = inPod();
    const cluster = await openCluster(undefined, { inCluster });
    expect(await cluster.secrets.get(namespace.name, "absent", signal)).toBeUndefined();
    const rotated = await makeToken(kubeconfig, namespace.name);
    writeFileSync(join(inCluster.folder ?? "", "token"), rotated);
    proxy.inject({ path: /secrets/, times: 1, fault: { kind: "status", status: 401 } });
    expect(await cluster.secrets.get(namespace.name, "absent", signal)).toBeUndefined();
    expect(bearers()).toEqual([`Bearer ${token}`, `Bearer ${token}`, `Bearer ${rotated}`]);
    await cluster.close();
  });

  test("a pod without a mounted token is told so", async () => {
    const fault = await expectFault("ConfigInvalid", () => open("default", { inCluster: { ...inPod(), folder: dir } }));
    expect(fault.message).toContain("automountServiceAccountToken");
  });

  test("kubectl's tokenFile is read, relative to the kubeconfig", async () => {
    writeFileSync(join(dir, "my-token"), token);
    const path = writeKubeconfig("file", (config) => (config.users[0]!.user = { tokenFile: "my-token" }));
    const cluster = await openCluster(path);
    expect(await cluster.secrets.get(namespace.name, "absent", signal)).toBeUndefined();
    expect(bearers()).toEqual([`Bearer ${token}`]);
    await cluster.close();
  });
});

const withPlugin = (script: string): string => {
  const command = join(dir, "plugin.sh");
  writeFileSync(command, `#!/bin/sh\n${script}\n`);
  chmodSync(command, 0o700);
  const exec = { apiVersion: "client.authentication.k8s.io/v1", command, args: [], interactiveMode: "Never" };
  return writeKubeconfig("exec", (config) => (config.users[0]!.user = { exec }));
};

const credential = (status: object): string =>
  `printf %s '${JSON.stringify({ apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status })}'`;

describe("exec plugins", () => {
  test("a token is asked for once, and again when it is refused", async () => {
    const runs = join(dir, "runs");
    const cluster = await openCluster(withPlugin(`echo run >> ${runs}\n${credential({ token })}`));
    await cluster.secrets.get(namespace.name, "absent", signal);
    await cluster.secrets.get(namespace.name, "absent", signal);
    expect(readFileSync(runs, "utf8")).toBe("run\n");
    proxy.inject({ path: /secrets/, times: 1, fault: { kind: "status", status: 401 } });
    await cluster.secrets.get(namespace.name, "absent", signal);
    expect(readFileSync(runs, "utf8")).toBe("run\nrun\n");
    await cluster.close();
  });

  test("a client certificate is taken into the shared connections", async () => {
    const { cert, key } = readAccess(kubeconfig);
    const status = { clientCertificateData: cert, clientKeyData: key };
    const cluster = await openCluster(withPlugin(credential(status)));
    for (let count = 0; count < 5; count += 1) await cluster.access.serverVersion(signal);
    expect(proxy.connections).toBeLessThanOrEqual(2);
    await cluster.close();
  });

  test("a plugin that fails is not quoted", async () => {
    const cluster = await openCluster(withPlugin(`echo ${canary("plugin")} >&2; exit 1`));
    await expectFault("ClusterDenied", () => cluster.access.serverVersion(signal));
    await cluster.close();
  });

  test("a plugin that hangs holds nobody up for longer than the deadline", async () => {
    const cluster = await openCluster(withPlugin("exec sleep 5"), { timeoutMs: 300 }, impatientClock());
    await expectFault("ClusterUnavailable", () => cluster.access.serverVersion(signal));
    await cluster.close();
  });
});
