// A real Vault, in memory, unsealed, with `secret/` as KV v2; the plug-ins are KV, AppRole, userpass, Kubernetes, JWT, database and file audit.
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { clusterBinary, vaultBinary } from "./binaries.ts";
import { type HttpAnswer, call } from "./http.ts";
import { startProcess, waitUntil } from "./process.ts";

export interface VaultServerOptions {
  /** Its log, and its certificates with `tls`, go here; made if it is missing. */
  readonly dir: string;
  readonly signal?: AbortSignal;
  /** Serve HTTPS with a certificate of a CA of its own. */
  readonly tls?: boolean;
  /** Where to listen; a free loopback port if not told. */
  readonly listen?: string;
  readonly rootToken?: string;
  /** Leaves it running when we end. */
  readonly outlive?: boolean;
}

export interface VaultCallOptions {
  /** Another token than root's; the empty string for none. */
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface VaultServer {
  readonly address: string;
  readonly rootToken: string;
  /** Only with `tls`. */
  readonly caFile?: string;
  readonly unsealKey: string;
  readonly pid: number;
  /** `path` is without `/v1/`; the answer is given whatever its status is. */
  api(method: string, path: string, body?: unknown, options?: VaultCallOptions): Promise<HttpAnswer>;
  seal(): Promise<void>;
  unseal(): Promise<void>;
  stop(): Promise<void>;
}

interface Greeting {
  readonly address: string;
  readonly rootToken: string;
  readonly unsealKey: string;
}

export async function startVault(options: VaultServerOptions): Promise<VaultServer> {
  const { dir, signal } = options;
  signal?.throwIfAborted();
  mkdirSync(dir, { recursive: true });
  const pki = options.tls ? join(dir, "pki") : undefined;
  if (pki !== undefined) await promisify(execFile)(clusterBinary(), ["certs", pki]);
  const server = startProcess({
    name: "vault",
    program: vaultBinary(),
    args: [
      `-address=${options.listen ?? "127.0.0.1:0"}`,
      `-root-token=${options.rootToken ?? "root"}`,
      ...(options.outlive ? [] : [`-parent-pid=${process.pid}`]),
      ...(pki === undefined ? [] : [`-tls-cert=${pki}/server.crt`, `-tls-key=${pki}/server.key`]),
    ],
    logFile: join(dir, "vault.log"),
    pipeStdout: true,
    outlive: options.outlive ?? false,
  });
  const stop = async (): Promise<void> => {
    signal?.removeEventListener("abort", onAbort);
    await server.end("SIGKILL");
  };
  const onAbort = (): void => void stop();
  signal?.addEventListener("abort", onAbort, { once: true });

  const until = (what: string, ready: () => Promise<boolean>): Promise<void> =>
    waitUntil(what, ready, { processes: [server], timeoutMs: 20_000, everyMs: 20, signal });
  let greeting: Greeting | undefined;
  const stdout = server.child.stdout!;
  createInterface({ input: stdout }).once("line", (line) => (greeting = JSON.parse(line) as Greeting));
  try {
    await until("vault listens", () => Promise.resolve(greeting !== undefined));
    if (options.outlive) stdout.destroy();
    const { address, rootToken, unsealKey } = greeting!;
    const caFile = pki === undefined ? undefined : join(pki, "ca.crt");
    const ca = caFile === undefined ? undefined : readFileSync(caFile, "utf8");
    const api: VaultServer["api"] = (method, path, body, { token = rootToken, headers = {} } = {}) =>
      call(`${address}/v1/${path}`, {
        method,
        body,
        ca,
        headers: { ...headers, ...(token === "" ? {} : { "x-vault-token": token }) },
      });
    // A fresh KV v2 mount answers 400 until it has finished its own upgrade.
    const usable = async (): Promise<boolean> => (await api("GET", "secret/config")).status === 200;
    await until("the KV mount answers", usable);
    return {
      address,
      rootToken,
      ...(caFile === undefined ? {} : { caFile }),
      unsealKey,
      pid: server.pid,
      api,
      async seal() {
        expectSuccess(await api("PUT", "sys/seal"));
      },
      async unseal() {
        expectSuccess(await api("PUT", "sys/unseal", { key: unsealKey }, { token: "" }));
        await until("the KV mount answers", usable);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function expectSuccess({ status, body }: HttpAnswer): void {
  if (status >= 300) throw new Error(`vault answered ${status}: ${JSON.stringify(body)}`);
}
