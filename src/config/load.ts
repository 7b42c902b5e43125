import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../core/spec.ts";
import { HelmwardenError } from "../errors.ts";
import { buildConfig, type Loaded } from "./build.ts";
import { crossCheck } from "./crossCheck.ts";
import { nearest } from "./knownFields.ts";
import { configInvalid, type Problem } from "./problem.ts";
import { isKind, KINDS } from "./schema.ts";
import { describeIssue, schemaProblems } from "./schemaProblems.ts";
import { readYaml, type YamlDocument } from "./yamlText.ts";

/** A file of the configuration; `name` is how errors call it, and what relative paths in it start from. */
export interface ConfigFile {
  readonly name: string;
  readonly text: string;
}

const LARGEST_FILE = 16 * 1024 * 1024;

/**
 * Reads a configuration: files, or the `*.yaml`, `*.yml` and `*.json` files of folders by name, not those of
 * folders in them. Throws one ConfigInvalid that lists everything that is wrong, or Cancelled.
 */
export async function loadConfig(path: string | readonly string[], signal: AbortSignal): Promise<Config> {
  const paths = typeof path === "string" ? [path] : path;
  return parseConfig(await readConfigFiles(paths, signal), paths.join(" and "));
}

/** The files themselves, as text. */
export async function readConfigFiles(paths: readonly string[], signal: AbortSignal): Promise<readonly ConfigFile[]> {
  const problems: Problem[] = [];
  const files: ConfigFile[] = [];
  for (const name of (await Promise.all(paths.map(fileNames))).flat()) {
    const text = await textOf(name, signal);
    if (typeof text === "string") files.push({ name, text });
    else problems.push(text);
  }
  if (problems.length > 0) throw configInvalid(problems);
  return files;
}

/** The same of files already read. `path` names all of them together. */
export function parseConfig(files: readonly ConfigFile[], path: string): Config {
  const problems: Problem[] = [];
  const all: YamlDocument[] = [];
  for (const { name, text } of files) {
    const read = readYaml(name, text);
    all.push(...read.documents);
    problems.push(...read.problems);
  }
  if (all.length === 0 && problems.length === 0) {
    throw configInvalid([about(path, "holds no document: see examples/ for what to write")]);
  }
  const loaded: Loaded[] = [];
  for (const yaml of all) {
    const checked = checkDocument(yaml);
    if (Array.isArray(checked)) problems.push(...checked);
    else loaded.push(checked);
  }
  problems.push(...crossCheck(all));
  if (problems.length > 0) throw configInvalid(problems);
  return buildConfig(loaded);
}

function checkDocument(yaml: YamlDocument): Loaded | Problem[] {
  const kind = yaml.content["kind"];
  if (!isKind(kind)) {
    const names = Object.keys(KINDS);
    const close = typeof kind === "string" ? nearest(kind, names) : undefined;
    const text =
      kind === undefined ? "is missing" : close === undefined ? "is unknown" : `is unknown; did you mean ${close}?`;
    const position = yaml.positionOf(["kind"]);
    return [{ file: yaml.file, ...position, field: "kind", text: `${text} (there are ${names.join(", ")})` }];
  }
  const result = KINDS[kind].safeParse(yaml.content, { error: describeIssue });
  return result.success ? { yaml, document: result.data } : schemaProblems(yaml, kind, result.error);
}

async function fileNames(path: string): Promise<readonly string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).filter((name) => /^[^.].*\.(ya?ml|json)$/.test(name)).sort();
    if (names.length > 0) return names.map((name) => join(path, name));
  } catch (caught) {
    throw configInvalid([unreadable(path, caught)]);
  }
  throw configInvalid([about(path, "is a folder without any *.yaml, *.yml or *.json file")]);
}

async function textOf(name: string, signal: AbortSignal): Promise<string | Problem> {
  try {
    if ((await stat(name)).size > LARGEST_FILE)
      return about(name, "is larger than 16 MiB: split it into files of a folder");
    const bytes = await readFile(name, { signal });
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (caught) {
    if (signal.aborted)
      throw new HelmwardenError("Cancelled", "Reading the configuration was cancelled; run it again.");
    return unreadable(name, caught);
  }
}

const READ_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist: give the path of a file or folder with --config",
  EACCES: "must not be read by this user: change its permissions",
  EISDIR: "is a folder, not a file",
  ERR_ENCODING_INVALID_ENCODED_DATA: "is not UTF-8 text",
};

function unreadable(path: string, caught: unknown): Problem {
  const code = caught instanceof Error && "code" in caught ? String(caught.code) : "unknown";
  return about(path, READ_FAULTS[code] ?? `cannot be read (${code})`);
}

function about(path: string, text: string): Problem {
  return { file: path, line: 0, column: 0, field: "", text };
}
