// What the test servers of databases share: they are started on a folder, ended, killed with all they forked, and again.
import { chownSync, existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isAlive, type ServerProcess, startProcess, waitUntil } from "./process.ts";

/** Whoever PostgreSQL runs as where we are root, which it refuses to be. */
const NOBODY = 65_534;

export interface DatabaseProcess {
  readonly pid: () => number;
  readonly stop: () => Promise<void>;
  /** SIGKILL; gone with all its children when it resolves. */
  readonly kill: () => Promise<void>;
  readonly start: (extra: readonly string[]) => Promise<void>;
  readonly log: () => string;
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** `program` as somebody who is not root, but who may go to where the program and its data are. */
export function unprivileged(program: string, args: readonly string[]): { program: string; args: string[] } {
  if (!isRoot()) return { program, args: [...args] };
  const caps = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"];
  const who = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "--securebits=+no_setuid_fixup", ...caps];
  return { program: "setpriv", args: [...who, "--", program, ...args] };
}

/** Gives files and folders to that user. */
export function giveAway(...paths: readonly string[]): void {
  if (isRoot()) for (const path of paths) chownSync(path, NOBODY, NOBODY);
}

export function databaseProcess(options: {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly logFile: string;
  readonly stopSignal: "SIGINT" | "SIGTERM";
  readonly answers: () => Promise<boolean>;
}): DatabaseProcess {
  const { name, program, args, logFile, stopSignal, answers } = options;
  let server: ServerProcess | undefined;
  return {
    pid: () => server?.pid ?? -1,
    stop: async () => await server?.end(stopSignal, 60_000),
    async kill() {
      const children = childrenOf(server?.pid ?? -1);
      await server?.end("SIGKILL");
      const gone = async (): Promise<boolean> => !children.some(isRunning);
      await waitUntil(`the children of ${name} are gone`, gone, { processes: [], timeoutMs: 60_000 });
    },
    async start(extra) {
      // By the run's folder a server is found that outlives its test.
      const { PATH, HELMWARDEN_TEST_RUN_DIR } = process.env;
      const env = { PATH, HELMWARDEN_TEST_RUN_DIR };
      server = startProcess({ name, program, args: [...args, ...extra], logFile, env });
      try {
        await waitUntil(`${name} answers`, answers, { processes: [server], timeoutMs: 120_000 });
      } catch (caught) {
        await server.end("SIGKILL");
        throw caught;
      }
    },
    log: () => (existsSync(logFile) ? readFileSync(logFile, "utf8") : ""),
  };
}

/** Linux only; elsewhere nobody. */
function childrenOf(pid: number): number[] {
  if (!existsSync("/proc/self/stat")) return [];
  const others = readdirSync("/proc").map(Number).filter(Number.isInteger);
  return others.filter((other) => Number(statOf(other).split(" ")[1]) === pid);
}

/** A dead child that nobody has reaped yet is not running any more. */
function isRunning(pid: number): boolean {
  return isAlive(pid) && !/^[ZX]/.test(statOf(pid));
}

/** From the state on: the name before it may hold anything. */
function statOf(pid: number): string {
  try {
    return readFileSync(join("/proc", String(pid), "stat"), "utf8").replace(/^.*\) /s, "");
  } catch {
    return "";
  }
}
