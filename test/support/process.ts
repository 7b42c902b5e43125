// A server process of a test: its output goes to a file, it ends by its pid, and it never outlives us.
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";

export interface ServerProcess {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  readonly child: ChildProcess;
  /** Undefined while it runs, then how it ended. */
  readonly ended: () => string | undefined;
  /** Sends the signal and waits for the end; SIGKILL after `graceMs`. */
  end(signal?: NodeJS.Signals, graceMs?: number): Promise<void>;
}

export interface ServerProcessOptions {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly logFile: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Leaves it running when we end. */
  readonly outlive?: boolean;
  /** Gives its stdout as a stream and not to the log file. */
  readonly pipeStdout?: boolean;
}

export function startProcess(options: ServerProcessOptions): ServerProcess {
  const log = openSync(options.logFile, "a");
  const child = spawn(options.program, options.args, {
    stdio: ["ignore", options.pipeStdout ? "pipe" : log, log],
    detached: true,
    env: options.env ?? process.env,
  });
  closeSync(log);
  let how: string | undefined;
  const exited = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      how = error.message;
      resolve();
    });
    child.once("exit", (code, signal) => {
      how = signal ?? `exit code ${code}`;
      resolve();
    });
  });
  if (options.outlive) child.unref();
  return {
    name: options.name,
    pid: child.pid ?? -1,
    logFile: options.logFile,
    child,
    ended: () => how,
    async end(signal = "SIGTERM", graceMs = 5_000) {
      if (how !== undefined) return;
      child.kill(signal);
      const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** Polls until `ready` says true; fails early, with the log's last lines, when one of the processes ends. */
export async function waitUntil(
  what: string,
  ready: () => Promise<boolean>,
  options: {
    processes: readonly ServerProcess[];
    timeoutMs: number;
    everyMs?: number;
    signal?: AbortSignal | undefined;
  },
): Promise<void> {
  const deadline = Date.now() + options.timeoutMs;
  while (!(await ready().catch(() => false))) {
    options.signal?.throwIfAborted();
    for (const { name, ended, logFile } of options.processes) {
      const how = ended();
      if (how !== undefined) throw new Error(`${name} ended (${how}) before ${what}:\n${lastLines(logFile)}`);
    }
    if (Date.now() > deadline) {
      const logs = options.processes.map(({ name, logFile }) => `${name}:\n${lastLines(logFile)}`);
      throw new Error(`${what}: not within ${options.timeoutMs / 1000} s\n${logs.join("\n")}`);
    }
    await new Promise((resolve) => setTimeout(resolve, options.everyMs ?? 50));
  }
}

/** True while a process with this id exists. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function lastLines(file: string): string {
  return readFileSync(file, "utf8").trimEnd().split("\n").slice(-12).join("\n");
}
