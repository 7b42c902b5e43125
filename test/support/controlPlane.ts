// A real Kubernetes control plane on free loopback ports: etcd, the API server, controllers, scheduler, and KWOK in place of kubelets.
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { clusterBinary, kwokBinary, kwokStages } from "./binaries.ts";
import { type HttpAnswer, call } from "./http.ts";
import { type ServerProcess, startProcess, waitUntil } from "./process.ts";

export interface ControlPlaneOptions {
  /** Everything that it writes goes here; made if it is missing. */
  readonly dir: string;
  readonly log?: (line: string) => void;
  readonly signal?: AbortSignal;
  /** How many Node objects; 1 if not told. */
  readonly nodes?: number;
  /** More flags for the API server, such as `--encryption-provider-config=…`. */
  readonly apiServerFlags?: readonly string[];
  /** Leaves it running when we end. */
  readonly outlive?: boolean;
}

export interface ControlPlane {
  /** Path of a kubeconfig of a cluster admin; its context is `helmwarden-test`. */
  readonly kubeconfig: string;
  readonly server: string;
  readonly caFile: string;
  readonly pids: readonly number[];
  /** Calls the API as cluster admin. */
  api(method: string, path: string, body?: unknown, contentType?: string): Promise<HttpAnswer>;
  /** Kills the API server: the next call is refused. */
  stopApiServer(): Promise<void>;
  /** Starts it again on the same port and waits until it is ready. */
  startApiServer(): Promise<void>;
  stop(): Promise<void>;
}

const readyWithinMs = 60_000;

export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { dir, signal, log = () => {} } = options;
  signal?.throwIfAborted();
  const pki = join(dir, "pki");
  mkdirSync(join(dir, "logs"), { recursive: true });
  await promisify(execFile)(clusterBinary(), ["certs", pki]);
  const [etcdPort, etcdPeerPort, apiPort] = await freePorts(3);
  const server = `https://127.0.0.1:${apiPort}`;
  const etcd = `http://127.0.0.1:${etcdPort}`;
  const kubeconfig = writeKubeconfig(dir, server);
  const running = new Map<string, ServerProcess>();

  const start = (name: string, args: readonly string[]): ServerProcess => {
    const watch = options.outlive ? [] : ["--parent-pid", String(process.pid)];
    const started = startProcess({
      name,
      program: clusterBinary(),
      args: [...watch, ...args],
      logFile: join(dir, "logs", `${name}.log`),
      outlive: options.outlive ?? false,
    });
    running.set(name, started);
    return started;
  };
  const api: ControlPlane["api"] = (method, path, body, contentType) =>
    call(`${server}${path}`, {
      method,
      body,
      ca: readFileSync(join(pki, "ca.crt"), "utf8"),
      cert: readFileSync(join(pki, "admin.crt"), "utf8"),
      key: readFileSync(join(pki, "admin.key"), "utf8"),
      headers: contentType === undefined ? {} : { "content-type": contentType },
    });
  const until = (what: string, ready: () => Promise<boolean>): Promise<void> =>
    waitUntil(what, ready, { processes: [...running.values()], timeoutMs: readyWithinMs, signal });

  const startApiServer = async (): Promise<void> => {
    start("kube-apiserver", apiServerArgs(pki, etcd, apiPort!, options.apiServerFlags ?? []));
    await until("the API server is ready", async () => (await api("GET", "/readyz")).status === 200);
    log("starting controllers, scheduler and KWOK");
    start("kube-controller-manager", controllerManagerArgs(pki, kubeconfig));
    start("kube-scheduler", [
      "kube-scheduler",
      `--kubeconfig=${kubeconfig}`,
      "--leader-elect=false",
      "--secure-port=0",
      "--kube-api-qps=1000",
      "--kube-api-burst=2000",
    ]);
    // A lease of an earlier KWOK would keep the new one away from the nodes for 40 seconds.
    await api("DELETE", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases");
    start("kwok", kwokArgs(kubeconfig));
  };
  const stopNamed = async (name: string): Promise<void> => {
    const found = running.get(name);
    await found?.end(name === "kwok" ? "SIGTERM" : "SIGKILL");
    running.delete(name);
  };
  // Its clients go down with it: alone they would wait for many seconds before they try again.
  const stopApiServer = async (): Promise<void> => {
    await Promise.all([...running.keys()].filter((name) => name !== "etcd").map(stopNamed));
  };
  const stop = async (): Promise<void> => {
    signal?.removeEventListener("abort", onAbort);
    await Promise.all([...running.keys()].map(stopNamed));
  };
  const onAbort = (): void => void stop();
  signal?.addEventListener("abort", onAbort, { once: true });

  try {
    log("starting etcd and the API server");
    start("etcd", etcdArgs(join(dir, "etcd"), etcd, `http://127.0.0.1:${etcdPeerPort}`));
    await startApiServer();
    await createBasics(api, options.nodes ?? 1);
    await until("the nodes are ready", async () => nodesAreReady((await api("GET", "/api/v1/nodes")).body));
    await until("the default service account exists", async () => {
      return (await api("GET", "/api/v1/namespaces/default/serviceaccounts/default")).status === 200;
    });
    log(`ready: KUBECONFIG=${kubeconfig}`);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    kubeconfig,
    server,
    caFile: join(pki, "ca.crt"),
    get pids() {
      return [...running.values()].map(({ pid }) => pid);
    },
    api,
    stopApiServer,
    startApiServer,
    stop,
  };
}

function etcdArgs(dataDir: string, client: string, peer: string): string[] {
  return [
    "etcd",
    `--data-dir=${dataDir}`,
    "--name=default",
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    "--unsafe-no-fsync",
    "--log-level=warn",
  ];
}

function apiServerArgs(pki: string, etcd: string, port: number, more: readonly string[]): string[] {
  return [
    "kube-apiserver",
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    "--endpoint-reconciler-type=none",
    `--secure-port=${port}`,
    `--etcd-servers=${etcd}`,
    `--tls-cert-file=${pki}/server.crt`,
    `--tls-private-key-file=${pki}/server.key`,
    `--client-ca-file=${pki}/ca.crt`,
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${pki}/service-account.pub`,
    `--service-account-signing-key-file=${pki}/service-account.key`,
    "--service-cluster-ip-range=10.0.0.0/24",
    "--authorization-mode=Node,RBAC",
    `--requestheader-client-ca-file=${pki}/front-proxy-ca.crt`,
    "--requestheader-allowed-names=front-proxy-client",
    "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    "--requestheader-group-headers=X-Remote-Group",
    "--requestheader-username-headers=X-Remote-User",
    `--proxy-client-cert-file=${pki}/front-proxy-client.crt`,
    `--proxy-client-key-file=${pki}/front-proxy-client.key`,
    "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
    ...more,
  ];
}

function controllerManagerArgs(pki: string, kubeconfig: string): string[] {
  return [
    "kube-controller-manager",
    `--kubeconfig=${kubeconfig}`,
    "--leader-elect=false",
    "--secure-port=0",
    `--service-account-private-key-file=${pki}/service-account.key`,
    `--root-ca-file=${pki}/ca.crt`,
    "--kube-api-qps=1000",
    "--kube-api-burst=2000",
  ];
}

function kwokArgs(kubeconfig: string): string[] {
  return [
    "exec",
    kwokBinary(),
    `--kubeconfig=${kubeconfig}`,
    `--config=${kwokStages()}`,
    "--manage-all-nodes",
    "--node-ip=10.0.0.1",
    "--cidr=10.0.0.0/24",
    "--node-lease-duration-seconds=40",
  ];
}

// The same StorageClass that KWOK ships: its volume stages look for this name.
const storageClass = {
  apiVersion: "storage.k8s.io/v1",
  kind: "StorageClass",
  metadata: { name: "kwok-volume", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
  provisioner: "kwok.x-k8s.io/volume",
  reclaimPolicy: "Delete",
  volumeBindingMode: "Immediate",
};

async function createBasics(api: ControlPlane["api"], nodes: number): Promise<void> {
  const created = [api("POST", "/apis/storage.k8s.io/v1/storageclasses", storageClass)];
  for (let index = 0; index < nodes; index++) created.push(api("POST", "/api/v1/nodes", node(`node-${index}`)));
  for (const { status, body } of await Promise.all(created)) {
    if (status !== 201 && status !== 409) throw new Error(`the API server answered ${status}: ${JSON.stringify(body)}`);
  }
}

function node(name: string): object {
  const size = { cpu: "64", memory: "256Gi", pods: "500" };
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux" } },
    status: { allocatable: size, capacity: size },
  };
}

interface NodeList {
  readonly items: readonly {
    status: { conditions?: { type: string; status: string }[] };
    spec: { taints?: object[] };
  }[];
}

function nodesAreReady(list: unknown): boolean {
  return (list as NodeList).items.every(
    ({ status, spec }) =>
      (spec.taints ?? []).length === 0 &&
      status.conditions?.some((found) => found.type === "Ready" && found.status === "True"),
  );
}

function writeKubeconfig(dir: string, server: string): string {
  const data = (file: string): string => readFileSync(join(dir, "pki", file)).toString("base64");
  const name = "helmwarden-test";
  const path = join(dir, "kubeconfig");
  const document = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server, "certificate-authority-data": data("ca.crt") } }],
    users: [{ name, user: { "client-certificate-data": data("admin.crt"), "client-key-data": data("admin.key") } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  };
  writeFileSync(path, `${JSON.stringify(document, null, 2)}\n`, { mode: 0o600 });
  return path;
}

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once("error", reject);
          server.listen(0, "127.0.0.1", () => {
            const address = server.address();
            resolve(typeof address === "object" && address ? address.port : 0);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
