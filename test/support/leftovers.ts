// Finds processes of a run that outlived it, by the run's folder in their environment or command line.
import { readFileSync, readdirSync } from "node:fs";

export interface Leftover {
  readonly pid: number;
  readonly command: string;
}

/** Linux only; elsewhere nothing is found. */
export function findLeftovers(dir: string): Leftover[] {
  const found: Leftover[] = [];
  for (const entry of list("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const command = read(`/proc/${pid}/cmdline`);
    // A dead child that is not yet reaped has no command line any more.
    if (command === "") continue;
    if (!command.includes(dir) && !read(`/proc/${pid}/environ`).includes(dir)) continue;
    found.push({ pid, command: command.split("\0").slice(0, 3).join(" ").trim() });
  }
  return found;
}

function list(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
