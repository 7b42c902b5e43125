// What every end-to-end scenario has: a namespace, a place in Vault, real helm, a configuration, and the program.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect } from "vitest";
import type { Outcome } from "../../src/core/outcome.ts";
import { helmBinary } from "./binaries.ts";
import { type ClusterApi, clusterApi } from "./clusterApi.ts";
import { type InsideEnd, runInside } from "./inside.ts";
import { searchNamespace, searchFolder } from "./leaks.ts";
import { makeNamespace } from "./namespace.ts";
import { passOnce } from "./pass.ts";
import { type ProgramEnd, type RunningProgram, startProgram } from "./program.ts";
import { chartFixture, type Helm, install, openHelm, type Release } from "./release.ts";
import { sharedServers } from "./servers.ts";
import { type VaultSecrets, vaultSecrets } from "./vaultSecrets.ts";

export interface ScenarioOptions {
  /** 4 unless told otherwise. */
  readonly helm?: 3 | 4;
  /** For the program under test; replaces what the scenario gives it. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** May the program write into its place in Vault? */
  readonly vaultWrites?: boolean;
}

export interface AuditLine {
  readonly kind: "intent" | "result";
  readonly action: string;
  readonly run: string;
  readonly subject: string;
  readonly base: string;
  readonly changes: readonly { path: string; from?: string; to: string; sources: readonly string[] }[];
  readonly outcome?: string;
  readonly reason?: string;
}

/** What `plan -o json` and `sync -o json` print. */
export interface Printed {
  readonly command: string;
  readonly results: readonly PrintedResult[];
}
export interface PrintedResult {
  readonly cluster: string;
  readonly subject: { readonly kind: string; readonly namespace: string; readonly name: string };
  readonly outcome: PrintedOutcome;
}
export interface PrintedOutcome {
  readonly kind: string;
  readonly code?: string;
  readonly [more: string]: unknown;
}

/** The n-th call of this name in a pass, from 1. */
export interface PortCall {
  readonly name: string;
  readonly number: number;
}

export interface Scenario {
  readonly namespace: string;
  /** Below the run's folder: what is written here is searched for secrets. */
  readonly dir: string;
  readonly kubeconfig: string;
  readonly vault: VaultSecrets;
  readonly api: ClusterApi;
  readonly helm: Helm;
  readonly audit: () => readonly AuditLine[];
  /** The configuration as it was last written, placeholders and all. */
  readonly config: () => string;
  /** Replaces the configuration; `__NAMESPACE__`, `__CHARTS__` and `__DIR__` are filled in. */
  readonly configure: (yaml: string) => void;
  readonly install: (name: string, chart: string, values: object) => Promise<Release>;
  /** `sync -c …`, `plan -c …` and so on, with the environment of the scenario and more. */
  readonly start: (command: string, args?: readonly string[], env?: ScenarioOptions["env"]) => RunningProgram;
  readonly run: (command: string, args?: readonly string[], env?: ScenarioOptions["env"]) => Promise<ProgramEnd>;
  /** The same in this process, where many runs are wanted and none is killed. */
  readonly inside: (command: string, args?: readonly string[], env?: ScenarioOptions["env"]) => Promise<InsideEnd>;
  /** What a command writes to a terminal of 80 columns. */
  readonly onTerminal: (command: string, env?: ScenarioOptions["env"]) => Promise<string>;
  /** One pass in this process, as quick as it gets. */
  readonly pass: (mode: "plan" | "sync") => Promise<readonly Outcome[]>;
  /** The port calls of a whole sync, in their order: what there is to be killed at. */
  readonly calls: () => Promise<readonly PortCall[]>;
  /** A sync that is killed right before or after a port call, its Lease taken away; see crashingPass.ts. */
  readonly crash: (when: "before" | "after", call: PortCall) => Promise<ProgramEnd>;
  /** The outcome of the one result of `sync -o json`. */
  readonly sync: (env?: ScenarioOptions["env"]) => Promise<PrintedOutcome>;
  readonly plan: (env?: ScenarioOptions["env"]) => Promise<PrintedOutcome>;
  /** Data of a live Secret, decoded. */
  readonly secret: (name: string) => Promise<Readonly<Record<string, string>>>;
  /** Any object: `apps/v1/deployments/web`, `v1/configmaps/x`. */
  readonly object: <T>(path: string) => Promise<T>;
  /** Searches namespace and folder for secrets, and removes the namespace. */
  readonly close: () => Promise<void>;
}

/** `folder` is the scenario's own: its name, and its config.yaml if it has one. */
export async function openScenario(folder: string, options: ScenarioOptions = {}): Promise<Scenario> {
  const { kubeconfig, runDir, vaultAddress } = sharedServers();
  const made = await makeNamespace(kubeconfig, basename(folder).slice(0, 24));
  const namespace = made.name;
  const dir = mkdtempSync(join(runDir, `${basename(folder)}-`));
  const config = join(dir, "config");
  mkdirSync(config);
  const vault = await vaultSecrets(namespace, options.vaultWrites);
  const api = clusterApi(kubeconfig);
  const major = options.helm ?? 4;
  const helm = openHelm({ major, kubeconfig, namespace, dir: join(dir, "owner") });
  const fill = (text: string): string =>
    text
      .replaceAll("__NAMESPACE__", namespace)
      .replaceAll("__CHARTS__", chartFixture(""))
      .replaceAll("__DIR__", dir)
      .replaceAll("__VAULT__", vaultAddress);
  const write = (name: string, text: string): void => writeFileSync(join(config, name), fill(text));
  write("stores.yaml", readFileSync(join(chartFixture(""), "../stores.yaml"), "utf8"));
  let configuration = "";
  const configure = (yaml: string): void => {
    configuration = yaml;
    write("config.yaml", yaml);
  };
  const own = textOf(join(folder, "config.yaml"));
  if (own !== "") configure(own);

  const environment = {
    KUBECONFIG: kubeconfig,
    HELM_BIN: helmBinary(major),
    VAULT_TOKEN: vault.token,
    ...options.env,
  };
  const start: Scenario["start"] = (command, args = [], env = {}) =>
    startProgram([...command.split(" "), "-c", config, ...args], { dir, env: { ...environment, ...env } });
  const only = async (command: string, env: ScenarioOptions["env"]): Promise<PrintedOutcome> =>
    parsedOutcome(await start(command, ["-o", "json"], env).end);
  const crashing = (args: readonly string[]): Promise<ProgramEnd> =>
    startProgram(["crash", "-c", config, ...args], {
      dir,
      env: environment,
      entry: "test/support/crashingPass.ts",
    }).end;
  const object: Scenario["object"] = async <T>(path: string) => {
    const [base, ...rest] = path.startsWith("v1/") ? ["/api/v1", path.slice(3)] : splitPath(path);
    const { status, body } = await api("GET", `${base}/namespaces/${namespace}/${rest.join("/")}`);
    if (status === 404) throw new Error(`there is no ${path} in ${namespace}`);
    return body as T;
  };
  return {
    namespace,
    dir,
    kubeconfig,
    vault,
    api,
    helm,
    config: () => configuration,
    configure,
    audit: () =>
      textOf(join(dir, "audit.jsonl"))
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as AuditLine),
    install: (name, chart, values) => install(helm, name, chartFixture(chart), values),
    start,
    run: (command, args, env) => start(command, args, env).end,
    inside: (command, args = [], env = {}) =>
      runInside([...command.split(" "), "-c", config, ...args], { dir, env: { ...environment, ...env } }),
    onTerminal: async (command, env) => {
      const terminal = { dir, env: { ...environment, TERM: "xterm", ...env }, terminal: true };
      return (await startProgram([command, "-c", config], terminal).end).stdout;
    },
    pass: (mode) =>
      passOnce({
        mode,
        config,
        environment: { ...environment, PATH: process.env["PATH"], HOME: join(dir, "home") },
        cacheFolder: join(dir, "cache", "helmwarden"),
      }),
    calls: async () => numbered((await crashing([])).stdout.trim().split("\n")),
    async crash(when, { name, number }) {
      const end = await crashing([when, name, String(number)]);
      // They outlive the killed by 15 s each; two-at-once waits for one.
      await api("DELETE", `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`);
      return end;
    },
    sync: (env) => only("sync", env),
    plan: (env) => only("plan", env),
    async secret(name) {
      const { data = {} } = await object<{ data?: Record<string, string> }>(`v1/secrets/${name}`);
      return Object.fromEntries(
        Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString("utf8")]),
      );
    },
    object,
    async close() {
      const leaks = [...searchFolder(dir), ...(await searchNamespace(kubeconfig, namespace))];
      // helm's caches of the API are large, and have been searched.
      for (const cache of ["owner", "cache"]) rmSync(join(dir, cache), { recursive: true, force: true });
      await made.remove();
      expect(leaks).toEqual([]);
    },
  };
}

/** Parses what a pass printed with `-o json`; shows standard error where that is not JSON. */
export function parsed(stdout: string, stderr: string): Printed {
  try {
    return JSON.parse(stdout) as Printed;
  } catch {
    throw new Error(`no JSON but ${JSON.stringify(stdout)}, and on standard error ${JSON.stringify(stderr)}`);
  }
}

/** The outcome of the one result that was printed. */
export function parsedOutcome({ stdout, stderr }: ProgramEnd): PrintedOutcome {
  const { results } = parsed(stdout, stderr);
  expect(results).toHaveLength(1);
  return results[0]!.outcome;
}

function numbered(names: readonly string[]): PortCall[] {
  const counts = new Map<string, number>();
  return names.map((name) => {
    const number = (counts.get(name) ?? 0) + 1;
    counts.set(name, number);
    return { name, number };
  });
}

function splitPath(path: string): string[] {
  const [group = "", version = "", ...rest] = path.split("/");
  return [`/apis/${group}/${version}`, ...rest];
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
