// The cluster and the Vault of the demo: ours, the user's own, or containers. Each says how it is ended.
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { freePorts, startControlPlane } from "../test/support/controlPlane.ts";
import { call } from "../test/support/http.ts";
import { startProcess, waitUntil } from "../test/support/process.ts";
import { startVault } from "../test/support/vaultServer.ts";
import { artifactDir, artifactFile } from "./artifacts.mjs";

export type ClusterKind = "local" | "current" | "k3s";

export interface Started {
  /** Ends it and everything that it holds. */
  stop(): Promise<void>;
  /** How a person ends it by hand, with --keep. */
  readonly endByHand: string;
}

export interface DemoCluster extends Started {
  /** Undefined: kubectl's own default. */
  readonly kubeconfig: string | undefined;
  readonly what: string;
}

export interface DemoVault extends Started {
  readonly address: string;
  readonly token: string;
  readonly what: string;
}

interface StartOptions {
  readonly dir: string;
  readonly signal: AbortSignal;
  readonly keep: boolean;
}

const K3S_IMAGE = "rancher/k3s:v1.34.1-k3s1";
const VAULT_IMAGE = "hashicorp/vault:1.20";

export async function startCluster(kind: ClusterKind, options: StartOptions): Promise<DemoCluster> {
  if (kind === "k3s") return startK3s(options);
  if (kind === "current") return currentCluster();
  const { dir, signal, keep } = options;
  const plane = await startControlPlane({ dir: join(dir, "cluster"), signal, outlive: keep });
  return {
    kubeconfig: plane.kubeconfig,
    what: "Kubernetes 1.35 (etcd, API server, controllers, scheduler), KWOK in place of a kubelet",
    stop: () => plane.stop(),
    get endByHand() {
      return `kill -9 ${plane.pids.join(" ")}`;
    },
  };
}

/** Ours if it is built, else the `vault` on PATH, else a container. */
export async function startDemoVault(options: StartOptions): Promise<DemoVault> {
  const { dir, signal, keep } = options;
  if (existsSync(artifactDir("vault"))) {
    const vault = await startVault({ dir: join(dir, "vault"), signal, outlive: keep });
    const { address, rootToken: token, pid } = vault;
    return { address, token, what: "Vault 1.14", stop: () => vault.stop(), endByHand: `kill -9 ${pid}` };
  }
  if (onPath("vault")) return startVaultOnPath(options);
  if (await dockerRuns()) return startVaultContainer(options);
  throw new Error(
    "There is no Vault to run: put `vault` on PATH (https://developer.hashicorp.com/vault/install), start Docker, " +
      "or install Go and run `node scripts/run.mjs setup` once.",
  );
}

/** helm or kubectl: HELM_BIN or PATH for a cluster of the user's own, else the pinned one. */
export function toolPath(tool: "helm" | "kubectl"): string {
  const given = tool === "helm" ? process.env["HELM_BIN"] : undefined;
  const pinned = artifactFile("helm4", tool);
  const found = given ?? (existsSync(pinned) ? pinned : onPath(tool));
  if (found === undefined) throw new Error(`${tool} is not on PATH: install it and start again.`);
  return found;
}

function onPath(program: string): string | undefined {
  const dirs = (process.env["PATH"] ?? "").split(delimiter).filter(Boolean);
  return dirs.map((dir) => join(dir, program)).find((path) => existsSync(path));
}

async function currentCluster(): Promise<DemoCluster> {
  const kubectl = toolPath("kubectl");
  const context = execFileSync(kubectl, ["config", "current-context"], { encoding: "utf8" }).trim();
  return {
    kubeconfig: process.env["KUBECONFIG"],
    what: `your cluster, context ${context}`,
    stop: () => Promise.resolve(),
    endByHand: "",
  };
}

async function startK3s({ dir, signal }: StartOptions): Promise<DemoCluster> {
  const [port] = await freePorts(1);
  const name = `helmwarden-demo-k3s-${process.pid}`;
  const args = ["run", "-d", "--rm", "--privileged", "--name", name, "-p", `127.0.0.1:${port}:6443`, K3S_IMAGE];
  const stop = removeContainer(name);
  await docker([...args, "server", "--disable=traefik,metrics-server", "--tls-san=127.0.0.1"], stop);
  const kubeconfig = join(dir, "kubeconfig");
  try {
    await waitUntil(
      "k3s is ready",
      async () => {
        const text = await docker(["exec", name, "cat", "/etc/rancher/k3s/k3s.yaml"]);
        writeFileSync(kubeconfig, text.replace("https://127.0.0.1:6443", `https://127.0.0.1:${port}`), { mode: 0o600 });
        const nodes = await docker(["exec", name, "kubectl", "get", "nodes", "--no-headers"]);
        await docker(["exec", name, "kubectl", "get", "serviceaccount", "default"]);
        return / Ready /.test(nodes);
      },
      { processes: [], timeoutMs: 180_000, everyMs: 1_000, signal },
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { kubeconfig, what: `k3s in Docker (${K3S_IMAGE})`, stop, endByHand: `docker rm -f ${name}` };
}

async function startVaultContainer({ signal }: StartOptions): Promise<DemoVault> {
  const [port] = await freePorts(1);
  const name = `helmwarden-demo-vault-${process.pid}`;
  const dev = ["-e", "VAULT_DEV_ROOT_TOKEN_ID=root", "-e", "VAULT_DEV_LISTEN_ADDRESS=0.0.0.0:8200"];
  const stop = removeContainer(name);
  await docker(["run", "-d", "--rm", "--name", name, "-p", `127.0.0.1:${port}:8200`, ...dev, VAULT_IMAGE], stop);
  const address = `http://127.0.0.1:${port}`;
  await untilVaultAnswers(address, signal, stop);
  return { address, token: "root", what: `Vault in Docker (${VAULT_IMAGE})`, stop, endByHand: `docker rm -f ${name}` };
}

async function startVaultOnPath({ dir, signal, keep }: StartOptions): Promise<DemoVault> {
  const [port] = await freePorts(1);
  const home = join(dir, "vault");
  mkdirSync(home, { recursive: true });
  const server = startProcess({
    name: "vault",
    program: onPath("vault") ?? "vault",
    args: ["server", "-dev", "-dev-root-token-id=root", "-dev-no-store-token", `-dev-listen-address=127.0.0.1:${port}`],
    logFile: join(home, "vault.log"),
    env: { PATH: process.env["PATH"], HOME: home },
    outlive: keep,
  });
  const stop = (): Promise<void> => server.end();
  const address = `http://127.0.0.1:${port}`;
  await untilVaultAnswers(address, signal, stop);
  return { address, token: "root", what: "the Vault on PATH", stop, endByHand: `kill ${server.pid}` };
}

async function untilVaultAnswers(address: string, signal: AbortSignal, stop: () => Promise<void>): Promise<void> {
  const headers = { "x-vault-token": "root" };
  const ready = async (): Promise<boolean> =>
    (await call(`${address}/v1/secret/config`, { headers, timeoutMs: 2_000 })).status === 200;
  try {
    await waitUntil("Vault answers", ready, { processes: [], timeoutMs: 60_000, everyMs: 200, signal });
  } catch (error) {
    await stop();
    throw error;
  }
}

export async function dockerRuns(): Promise<boolean> {
  if (onPath("docker") === undefined) return false;
  return docker(["info", "--format", "{{.ServerVersion}}"]).then(
    () => true,
    () => false,
  );
}

async function docker(args: readonly string[], onFailure?: () => Promise<void>): Promise<string> {
  try {
    return (await promisify(execFile)("docker", args, { timeout: 300_000 })).stdout;
  } catch (error) {
    await onFailure?.();
    throw error;
  }
}

function removeContainer(name: string): () => Promise<void> {
  return async () => {
    await promisify(execFile)("docker", ["rm", "-f", name]).catch(() => undefined);
  };
}
