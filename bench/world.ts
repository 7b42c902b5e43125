// What a benchmark finds when it starts: real servers, the built program, and a folder that goes away.
import { execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { repository } from "../scripts/artifacts.mjs";
import { helmBinary } from "../test/support/binaries.ts";
import { call } from "../test/support/http.ts";
import { sharedServers, startSharedServers } from "../test/support/servers.ts";

/** Releases at a time, on both sides. */
export const LANES = 4;

export interface World {
  readonly dir: string;
  readonly kubeconfig: string;
  /** Of the built program. */
  readonly main: string;
  readonly signal: AbortSignal;
  /** Only to see that it runs: few releases, few rounds. */
  readonly isSmall: boolean;
  /** Environment of a user's shell: no more than the programs need. */
  readonly environment: Readonly<Record<string, string>>;
  /** Runs a program; its standard output. Throws unless it ends with 0. */
  run(program: string, args: readonly string[], input?: string): Promise<string>;
  putSecret(path: string, data: Readonly<Record<string, string>>): Promise<void>;
  /**
   * Writes a configuration of one Vault and these documents into a folder of this name; gives its path. What a daemon
   * needs besides comes from `more`.
   */
  writeConfig(name: string, documents: readonly object[], more?: { store?: object; program?: object }): string;
  stop(): Promise<void>;
}

export async function startWorld(signal: AbortSignal, isSmall: boolean): Promise<World> {
  const dir = mkdtempSync(join(tmpdir(), "helmwarden-bench-"));
  const servers = await startSharedServers(dir, signal);
  const { kubeconfig, vaultAddress, vaultToken } = sharedServers();
  const environment = {
    PATH: process.env["PATH"] ?? "",
    HOME: dir,
    KUBECONFIG: kubeconfig,
    HELM_BIN: helmBinary(4),
    VAULT_TOKEN: vaultToken,
  };
  await promisify(execFile)(process.execPath, [join(repository, "scripts", "build.mjs"), join(dir, "dist")]);
  return {
    dir,
    kubeconfig,
    main: join(dir, "dist", "main.js"),
    signal,
    isSmall,
    environment,
    run: (program, args, input = "") => run(program, args, environment, input, signal),
    async putSecret(path, data) {
      const headers = { "x-vault-token": vaultToken };
      const answer = await call(`${vaultAddress}/v1/secret/data/${path}`, { method: "POST", headers, body: { data } });
      if (answer.status >= 300) throw new Error(`Vault answers ${answer.status}`);
    },
    writeConfig(name, documents, more = {}) {
      const folder = join(dir, name);
      mkdirSync(folder, { recursive: true });
      const vault = { address: vaultAddress, mount: "secret", version: 2, auth: { token: { fromEnv: "VAULT_TOKEN" } } };
      const all = [
        { kind: "SecretStore", metadata: { name: "vault" }, spec: { vault, ...more.store } },
        {
          kind: "HelmwardenConfig",
          spec: { audit: { file: "audit.jsonl" }, queue: { local: { concurrency: LANES } }, ...more.program },
        },
        ...documents,
      ];
      const text = all.map((one) => JSON.stringify({ apiVersion: "helmwarden.dev/v1alpha1", ...one })).join("\n---\n");
      writeFileSync(join(folder, "config.yaml"), text);
      return join(folder, "config.yaml");
    },
    async stop() {
      await servers.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Its output is read and dropped but for the answer, as a script would. */
function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  input: string,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { env, signal, stdio: ["pipe", "pipe", "pipe"] });
    let output = "";
    let complaint = "";
    child.stdin.on("error", () => undefined).end(input);
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${program} ${args.join(" ")} ended with ${code}: ${output}${complaint}`));
    });
  });
}

/** The documents that make a configuration about one release. */
export function releaseSync(name: string, namespace: string, chart: string, vaultPath: string): object {
  const from = { store: "vault", path: vaultPath, key: "TOKEN" };
  return {
    kind: "ReleaseSync",
    metadata: { name, namespace },
    spec: { chart: { path: chart }, values: [{ path: "token", from, kind: "token" }] },
  };
}
