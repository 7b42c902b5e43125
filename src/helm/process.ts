import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { HelmwardenError } from "../errors.ts";
import { filledInput } from "./filledInput.ts";

/** What helm needs of the environment; built once from an allow-list, see environment.ts. */
export type HelmEnvironment = Readonly<Record<string, string>>;

export interface HelmRun {
  readonly binary: string;
  readonly args: readonly string[];
  readonly environment: HelmEnvironment;
  /** An empty private folder: Helm 3 prefers a folder of the chart's name in the working directory to --repo. */
  readonly cwd: string;
  /** Standard input; empty where it is absent. */
  readonly input?: string;
  /** A private folder for the socket that brings it. */
  readonly inputFolder: string;
  /** SIGTERM after this many milliseconds. */
  readonly timeoutMs: number;
  /** Between SIGTERM and SIGKILL. */
  readonly graceMs: number;
}

/** How a helm process ended. `stdout` and `stderr` hold secrets: they are parsed or classified, then dropped. */
export interface HelmExit {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly ended: "exit" | "timeout" | "cancelled" | "killed";
}

/** A release holds 1 MiB compressed; its render is larger, but not without bound. */
const MAX_STDOUT = 64 * 1024 * 1024;
const MAX_STDERR = 256 * 1024;

/** What helm left running (a credential plugin) may hold its output open; nothing is lost by not waiting for that. */
const DRAIN_MS = 1_000;

/**
 * Runs helm in a process group of its own, so that a Ctrl-C reaches it once, through us. Rejects only where the
 * program cannot be started: HelmMissing, or UpgradeFailed for want of a socket.
 */
export async function runHelm(run: HelmRun, signal: AbortSignal): Promise<HelmExit> {
  signal.throwIfAborted();
  const child = start(run, await filledInput(run.input ?? "", run.inputFolder));
  const stop = stopper(child, run.graceMs);
  const timer = setTimeout(() => stop("timeout"), run.timeoutMs);
  const cancel = (): void => stop("cancelled");
  if (signal.aborted) cancel();
  signal.addEventListener("abort", cancel, { once: true });
  let drain: NodeJS.Timeout | undefined;
  child.once("exit", () => {
    drain = setTimeout(() => [child.stdout, child.stderr].forEach((stream) => stream.destroy()), DRAIN_MS);
  });
  try {
    const stdout = collect(child.stdout, MAX_STDOUT, () => stop("killed"));
    const stderr = collect(child.stderr, MAX_STDERR, () => undefined);
    const code = await exitOf(child);
    const ended = stop.reason ?? (code === undefined ? "killed" : "exit");
    return { code, stdout: stdout(), stderr: stderr(), ended };
  } finally {
    clearTimeout(timer);
    clearTimeout(stop.killTimer);
    clearTimeout(drain);
    signal.removeEventListener("abort", cancel);
  }
}

/** Our own hold on its input ends here, so that who writes it learns when helm has ended. */
function start({ binary, args, environment, cwd }: HelmRun, stdin: Socket): Child {
  try {
    return spawn(binary, [...args], {
      cwd,
      env: { ...environment },
      stdio: [stdin, "pipe", "pipe"],
      detached: true,
    });
  } finally {
    stdin.destroy();
  }
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

type StopReason = Exclude<HelmExit["ended"], "exit">;

interface Stopper {
  (reason: StopReason): void;
  reason?: StopReason;
  killTimer?: NodeJS.Timeout;
}

function stopper(child: ChildProcess, graceMs: number): Stopper {
  const stop: Stopper = (reason) => {
    if (stop.reason !== undefined) return;
    stop.reason = reason;
    signalGroup(child, "SIGTERM");
    stop.killTimer = setTimeout(() => signalGroup(child, "SIGKILL"), graceMs);
  };
  return stop;
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It ended between the check and the signal.
  }
}

function exitOf(child: ChildProcess): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    child.once("error", () => {
      reject(
        new HelmwardenError(
          "HelmMissing",
          "helm could not be started. Install helm 3.17+ or 4.1+ on PATH, or set HELM_BIN.",
        ),
      );
    });
    child.once("close", (code) => resolve(code ?? undefined));
  });
}

/** Keeps the first `limit` bytes; calls `onOverflow` once when there is more. */
function collect(stream: NodeJS.ReadableStream, limit: number, onOverflow: () => void): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on("data", (chunk: Buffer) => {
    if (size >= limit) return;
    chunks.push(chunk.subarray(0, limit - size));
    size += chunk.length;
    if (size >= limit) onOverflow();
  });
  return () => Buffer.concat(chunks).toString("utf8");
}
