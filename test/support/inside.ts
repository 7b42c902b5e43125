// The program in this process, as main.ts starts it: without a second of CPU for a process of its own.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CommandContext } from "../../src/cli/context.ts";
import { runProgram } from "../../src/cli/program.ts";

export interface InsideEnd {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let runs = 0;

/** Its output lies in `outputs/` below the folder as well, where it is searched for secrets. */
export async function runInside(
  args: readonly string[],
  { dir, env }: { readonly dir: string; readonly env: Readonly<Record<string, string | undefined>> },
): Promise<InsideEnd> {
  runs += 1;
  let stdout = "";
  let stderr = "";
  const context: CommandContext = {
    signal: new AbortController().signal,
    surroundings: {
      environment: { PATH: process.env["PATH"], HOME: join(dir, "home"), ...env },
      cacheFolder: join(dir, "cache", "helmwarden"),
      namespace: env["POD_NAMESPACE"] ?? "helmwarden",
    },
    terminal: {
      out: (text) => (stdout += text),
      err: (text) => (stderr += text),
      color: false,
      interactive: false,
      columns: 80,
      rows: undefined,
    },
  };
  const code = await runProgram(args, context);
  mkdirSync(join(dir, "outputs"), { recursive: true });
  writeFileSync(join(dir, `outputs/inside-${runs}-${args[0]}`), stdout + stderr);
  return { code, stdout, stderr };
}
