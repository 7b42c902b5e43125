// A release as its owner handles it: with the real helm, values on standard input.
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { repository } from "../../scripts/artifacts.mjs";
import { helmBinary } from "./binaries.ts";

export interface Release {
  readonly name: string;
  /** `helm upgrade` with these flags; `values` go to its standard input. Throws when it fails. */
  upgrade(flags: readonly string[], values?: object): Promise<void>;
  rollback(revision: number): Promise<void>;
  uninstall(...flags: readonly string[]): Promise<void>;
  history(): Promise<readonly HistoryEntry[]>;
  /** Number of the newest revision. */
  revision(): Promise<number>;
  /** What the user supplied, as the newest deployed revision has it. */
  values(): Promise<unknown>;
}

export interface HistoryEntry {
  readonly revision: number;
  readonly status: string;
  readonly chart: string;
  readonly description: string;
}

export interface HelmOptions {
  readonly major: 3 | 4;
  readonly kubeconfig: string;
  readonly namespace: string;
  /** For helm's own folders. */
  readonly dir: string;
}

export type Helm = (args: readonly string[], input?: string) => Promise<string>;

/** A chart of test/fixtures/charts. */
export function chartFixture(name: string): string {
  return join(repository, "test/fixtures/charts", name);
}

export function openHelm({ major, kubeconfig, namespace, dir }: HelmOptions): Helm {
  mkdirSync(dir, { recursive: true });
  const env = { PATH: process.env["PATH"], HOME: dir, KUBECONFIG: kubeconfig, HELM_NAMESPACE: namespace };
  return async (args, input = "") => {
    const child = spawn(helmBinary(major), args, { env, cwd: dir, stdio: ["pipe", "pipe", "pipe"] });
    child.stdin.on("error", () => undefined).end(input);
    const exit = new Promise<number | null>((resolve, reject) => child.once("error", reject).once("close", resolve));
    const [code, stdout, stderr] = await Promise.all([exit, text(child.stdout), text(child.stderr)]);
    if (code !== 0) throw new Error(`helm ${args.join(" ")}: ${code} ${stderr}`);
    return stdout;
  };
}

/** Gives the release without making it. */
export function releaseOf(helm: Helm, name: string, chart: string): Release {
  const history = async (): Promise<readonly HistoryEntry[]> =>
    JSON.parse(await helm(["history", name, "--output", "json"])) as HistoryEntry[];
  return {
    name,
    async upgrade(flags, values) {
      const from = values === undefined ? [] : ["--values", "-"];
      await helm(["upgrade", name, chart, ...from, ...flags], JSON.stringify(values ?? {}));
    },
    async rollback(revision) {
      await helm(["rollback", name, String(revision)]);
    },
    async uninstall(...flags) {
      await helm(["uninstall", name, ...flags]);
    },
    history,
    revision: async () => Math.max(...(await history()).map(({ revision }) => revision)),
    values: async () => JSON.parse(await helm(["get", "values", name, "--output", "json"])) as unknown,
  };
}

/** `helm install` and its release. */
export async function install(helm: Helm, name: string, chart: string, values: object): Promise<Release> {
  await helm(["install", name, chart, "--values", "-"], JSON.stringify(values));
  return releaseOf(helm, name, chart);
}
