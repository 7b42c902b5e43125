// Looks at the helm processes of a program under test while they run, and keeps what anybody on the machine could see.
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

const EVERY_MS = 20;

export interface SeenHelm {
  readonly pid: number;
  readonly args: readonly string[];
}

export interface HelmSampler {
  /** The helm processes seen so far. */
  readonly seen: readonly SeenHelm[];
  stop(): void;
}

/**
 * Copies command line and environment of each helm that `pid` starts into `folder`, where the search for secrets finds
 * them. Linux only; elsewhere it sees nothing. A process is looked at once it is helm, not while it is still a fork.
 */
export function sampleHelm(pid: number, folder: string): HelmSampler {
  const seen = new Map<number, readonly string[]>();
  const others = new Set(processes());
  const look = (): void => {
    for (const child of processes()) {
      if (others.has(child) || seen.has(child)) continue;
      if (parentOf(child) !== pid) others.add(child);
      else if (programOf(child) === "helm") keep(child);
    }
  };
  const keep = (child: number): void => {
    const commandLine = read(`/proc/${child}/cmdline`);
    const environment = read(`/proc/${child}/environ`);
    if (commandLine === "" || environment === "") return;
    seen.set(child, commandLine.split("\0").slice(0, -1));
    writeFileSync(join(folder, `helm-${child}.cmdline`), commandLine);
    writeFileSync(join(folder, `helm-${child}.environ`), environment);
  };
  const timer = setInterval(look, EVERY_MS);
  return {
    get seen() {
      return [...seen].map(([child, args]) => ({ pid: child, args }));
    },
    stop: () => clearInterval(timer),
  };
}

function processes(): number[] {
  return names("/proc").map(Number).filter(Number.isInteger);
}

function parentOf(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

function programOf(pid: number): string {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`));
  } catch {
    return "";
  }
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
