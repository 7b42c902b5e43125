// helmwarden as a user runs it: a process of its own, its output in files that are searched for secrets.
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repository } from "../../scripts/artifacts.mjs";
import { type HelmSampler, sampleHelm, type SeenHelm } from "./helmSampler.ts";
import { waitUntil } from "./process.ts";

export interface ProgramOptions {
  /** Output goes to `outputs/` below it, temporary files to `tmp/`, the cache to `cache/`. */
  readonly dir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Another program of the repository than src/main.ts. */
  readonly entry?: string;
  /** Gives it a terminal of 80 columns for its output, by script(1). */
  readonly terminal?: boolean;
}

export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  /** Without the lines that tell how far it is: they come where the machine is slow. */
  readonly stderr: string;
  /** The helm processes that were seen while it ran. */
  readonly helms: readonly SeenHelm[];
}

export interface RunningProgram {
  readonly pid: number;
  readonly child: ChildProcess;
  readonly end: Promise<ProgramEnd>;
  /** Standard output so far. */
  stdout(): string;
  /** The helm process whose arguments hold this one, as soon as there is one. */
  helm(argument: string): Promise<SeenHelm>;
}

const PROGRESS = /^\d+ of \d+ \w+, \d+ s(?:, \d+ s left)?\n/gm;

let runs = 0;

/** Starts it with just the environment given, beside PATH and folders of its own. */
export function startProgram(
  args: readonly string[],
  { dir, env, entry, terminal = false }: ProgramOptions,
): RunningProgram {
  runs += 1;
  const at = (name: string): string => join(dir, name);
  for (const name of ["outputs", "tmp", "home"]) mkdirSync(at(name), { recursive: true });
  const outputs = ["stdout", "stderr"].map((name) => at(`outputs/${runs}-${args[0]}.${name}`));
  const files = outputs.map((file) => openSync(file, "w"));
  const command = [process.execPath, join(repository, entry ?? "src/main.ts"), ...args];
  const [program = "", ...rest] = terminal
    ? ["script", "-qec", `stty cols 80; ${command.join(" ")}`, "/dev/null"]
    : command;
  const child = spawn(program, rest, {
    stdio: ["ignore", ...files],
    cwd: at("home"),
    env: {
      PATH: process.env["PATH"],
      HOME: at("home"),
      TMPDIR: at("tmp"),
      HELMWARDEN_CACHE_DIR: at("cache"),
      // Outside of the folder that is searched: compiled code is no output.
      NODE_COMPILE_CACHE: join(tmpdir(), "helmwarden-test-compile-cache"),
      ...env,
    },
  });
  files.forEach((file) => closeSync(file));
  const sampler: HelmSampler = sampleHelm(child.pid!, at("outputs"));
  const end = new Promise<ProgramEnd>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      sampler.stop();
      const [stdout = "", stderr = ""] = outputs.map((file) => readFileSync(file, "utf8"));
      resolve({ code, signal, stdout, stderr: stderr.replaceAll(PROGRESS, ""), helms: sampler.seen });
    });
  });
  const helm: RunningProgram["helm"] = async (argument) => {
    const find = (): SeenHelm | undefined => sampler.seen.find(({ args: list }) => list.includes(argument));
    await waitUntil(`helm runs with ${argument}`, async () => find() !== undefined, {
      processes: [],
      timeoutMs: 30_000,
    });
    return find()!;
  };
  return { pid: child.pid!, child, end, stdout: () => readFileSync(outputs[0]!, "utf8"), helm };
}
