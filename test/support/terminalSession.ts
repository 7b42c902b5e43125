// The program at a real pseudo-terminal, by script(1): what it shows, and what a person types.
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { repository } from "../../scripts/artifacts.mjs";
import { waitUntil } from "./process.ts";

export interface TerminalSession {
  /** All that the terminal shows so far, what is typed with echo included. */
  shown(): string;
  /** Waits until it shows this behind what was waited for before. */
  sees(text: string): Promise<void>;
  type(keys: string): void;
  /** The exit code of the program. */
  readonly end: Promise<number | null>;
}

export function openTerminal(
  args: readonly string[],
  { dir, env }: { readonly dir: string; readonly env: Readonly<Record<string, string | undefined>> },
): TerminalSession {
  for (const name of ["tmp", "home"]) mkdirSync(join(dir, name), { recursive: true });
  const command = [process.execPath, join(repository, "src/main.ts"), ...args].join(" ");
  const child = spawn("script", ["-qec", `stty cols 100; exec ${command}`, "/dev/null"], {
    cwd: join(dir, "home"),
    stdio: ["pipe", "pipe", "inherit"],
    env: {
      PATH: process.env["PATH"],
      HOME: join(dir, "home"),
      TMPDIR: join(dir, "tmp"),
      HELMWARDEN_CACHE_DIR: join(dir, "cache"),
      TERM: "xterm",
      NO_COLOR: "1",
      ...env,
    },
  });
  let output = "";
  let seen = 0;
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  return {
    shown: () => output,
    async sees(text) {
      const what = `the terminal shows ${JSON.stringify(text)}, and not just ${JSON.stringify(output.slice(-300))}`;
      await waitUntil(what, async () => output.includes(text, seen), {
        processes: [],
        timeoutMs: 120_000,
        everyMs: 20,
      });
      seen = output.indexOf(text, seen) + text.length;
    },
    type: (keys) => void child.stdin.write(keys),
    end: new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    }),
  };
}
