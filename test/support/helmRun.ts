// The real helm as a user runs it, with folders of its own.
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { helmBinary } from "./binaries.ts";

export interface HelmRun {
  /** Gives back its output; throws when it fails. */
  run(...args: readonly string[]): Promise<string>;
}

export function helmRun(major: 3 | 4, options: { kubeconfig: string; namespace: string; dir: string }): HelmRun {
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: options.dir,
    KUBECONFIG: options.kubeconfig,
    HELM_NAMESPACE: options.namespace,
    HELM_CACHE_HOME: join(options.dir, "cache"),
    HELM_CONFIG_HOME: join(options.dir, "config"),
    HELM_DATA_HOME: join(options.dir, "data"),
  };
  return {
    async run(...args) {
      const { stdout } = await promisify(execFile)(helmBinary(major), args, { env, cwd: options.dir });
      return stdout;
    },
  };
}

export interface ChartFiles {
  readonly name: string;
  readonly version: string;
  readonly values: string;
  /** By file name below templates/. */
  readonly templates: Readonly<Record<string, string>>;
}

/** Writes a chart below `dir`; gives back its folder. */
export function writeChart(dir: string, { name, version, values, templates }: ChartFiles): string {
  const folder = join(dir, name);
  mkdirSync(join(folder, "templates"), { recursive: true });
  writeFileSync(join(folder, "Chart.yaml"), `apiVersion: v2\nname: ${name}\nversion: ${version}\n`);
  writeFileSync(join(folder, "values.yaml"), values);
  for (const [file, text] of Object.entries(templates)) writeFileSync(join(folder, "templates", file), text);
  return folder;
}
