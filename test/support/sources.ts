// The program's own source files, as the architecture tests read them.
import { globSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { repository } from "../../scripts/artifacts.mjs";

export interface Import {
  /** A path below src/, or the name of a library. */
  readonly target: string;
  /** `type`: erased. `value`: loaded with the file. `lazy`: loaded where it is used. */
  readonly kind: "type" | "value" | "lazy";
}

export interface Source {
  /** Below src/, with slashes. */
  readonly path: string;
  readonly text: string;
  /** The text without its comments. */
  readonly code: string;
  readonly imports: readonly Import[];
}

let known: readonly Source[] | undefined;

/** All of src/, read once. */
export function readSources(): readonly Source[] {
  return (known ??= globSync("src/**/*.ts", { cwd: repository })
    .sort()
    .map((path) => sourceOf(path.slice("src/".length), readFileSync(join(repository, path), "utf8"))));
}

export function sourceOf(path: string, text: string): Source {
  const code = text.replaceAll(/^\s*\/\*[\s\S]*?\*\//gm, "").replaceAll(/^\s*\/\/.*$/gm, "");
  return { path, text, code, imports: importsOf(path, code) };
}

const STATIC = /^(?:import|export)\s+(type\s)?(?:[^;"'`]*?\bfrom\s+)?"([^"]+)";/gms;
const LAZY = /(typeof\s+)?\bimport\("([^"]+)"\)/g;

function importsOf(path: string, code: string): Import[] {
  const found = (pattern: RegExp, plain: Import["kind"]): Import[] =>
    [...code.matchAll(pattern)].map(([, type, name = ""]) => ({
      target: name.startsWith(".") ? posix.join(dirname(path), name) : name,
      kind: type === undefined ? plain : "type",
    }));
  return [...found(STATIC, "value"), ...found(LAZY, "lazy")];
}
