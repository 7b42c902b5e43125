import { createHash } from "node:crypto";
import { readlinkSync, symlinkSync, unlinkSync } from "node:fs";
import type { Clock } from "../ports.ts";

/** A process that appends. */
export interface Appender {
  readonly host: string;
  readonly pid: number;
}

/** Keeps appends to one file apart, also those of other processes, and other machines that share it. */
export interface AppendLock {
  /** Does the work alone, waiting its turn. Throws what `onStuck` makes of whoever does not let go. */
  alone<T>(work: () => T): Promise<T>;
  /** Does the work alone if that is possible at once. */
  aloneNow(work: () => void): void;
}

/** An append takes milliseconds. So a lock that stayed the same for so long is left over: of a dead process here, … */
const DEAD_MS = 1_000;
/** … of whoever it was on another machine … */
const AWAY_MS = 30_000;
/** … or its process here lives and hangs: that is for a person. */
const STUCK_MS = 10_000;
const LONGEST_WAIT_MS = 60_000;
const LOOK_MS = 10;

/**
 * A symbolic link `<file>.lock` that leads nowhere: it is made whole or not at all, and its text names the holder and is
 * never the same again. A link that is left over is taken away by one process alone: by whoever makes another link that
 * is named for its text, and still finds it there.
 */
export function createAppendLock(
  path: string,
  { host, pid }: Appender,
  clock: Pick<Clock, "monotonic" | "sleep">,
  onStuck: (who: string, lock: string) => Error,
): AppendLock {
  const lock = `${path}.lock`;
  let turns = 0;
  const take = (): string | undefined => {
    turns += 1;
    const text = `${host} ${pid} ${turns}-${clock.monotonic()}`;
    return makeLink(text, lock) ? text : undefined;
  };
  const holding = <T>(text: string, work: () => T): T => {
    try {
      return work();
    } finally {
      if (readLink(lock) === text) unlinkSync(lock);
    }
  };
  const isLeftOver = (text: string, sinceMs: number): boolean => {
    const [at, process = ""] = text.split(" ");
    return at === host ? sinceMs >= DEAD_MS && !isAlive(Number(process)) : sinceMs >= AWAY_MS;
  };
  const wait = async (): Promise<string> => {
    const start = clock.monotonic();
    let [seen, since] = ["", start];
    for (;;) {
      const mine = take();
      if (mine !== undefined) return mine;
      const now = clock.monotonic();
      const other = readLink(lock);
      if (other === undefined) continue;
      if (other !== seen) [seen, since] = [other, now];
      if (isLeftOver(other, now - since)) removeLeftOver(lock, other);
      else if (now - start >= LONGEST_WAIT_MS || (now - since >= STUCK_MS && other.startsWith(`${host} `)))
        throw onStuck(nameOf(other), lock);
      await clock.sleep(LOOK_MS, new AbortController().signal);
    }
  };
  return {
    alone: async (work) => holding(await wait(), work),
    aloneNow(work) {
      const text = take();
      if (text !== undefined) holding(text, work);
    },
  };
}

function removeLeftOver(lock: string, text: string): void {
  const claim = `${lock}.${createHash("sha256").update(text).digest("hex").slice(0, 16)}`;
  if (!makeLink("claim", claim)) return;
  try {
    if (readLink(lock) === text) unlinkSync(lock);
  } finally {
    unlinkSync(claim);
  }
}

/** False: there is one already. */
function makeLink(text: string, path: string): boolean {
  try {
    symlinkSync(text, path);
    return true;
  } catch (caught) {
    if (codeOf(caught) === "EEXIST") return false;
    throw caught;
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (caught) {
    if (codeOf(caught) === "ENOENT") return undefined;
    throw caught;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (caught) {
    return codeOf(caught) === "EPERM";
  }
}

function nameOf(text: string): string {
  const [host = "", pid = ""] = text.split(" ");
  return `process ${pid} on ${host}`;
}

function codeOf(caught: unknown): unknown {
  return caught instanceof Error && "code" in caught ? caught.code : undefined;
}
