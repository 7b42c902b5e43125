import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  fsyncSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { CHAIN_START, type ChainHead, chainLine, hashLine } from "../core/auditChain.ts";
import { AUDIT_FORMAT, type AuditRecord } from "../core/auditRecord.ts";
import { HelmwardenError, toHelmwardenError } from "../errors.ts";
import type { AuditLog, CheckLine, Clock } from "../ports.ts";
import { type Appender, createAppendLock } from "./appendLock.ts";

/** A record is a few kilobytes; one larger than this is no record of ours. */
const TAIL_BYTES = 4 * 1024 * 1024;

/**
 * The audit log as a file of JSON lines, each holding the hash of the one before. A record is on disk (fdatasync)
 * when `append` returns. A line that a crash tore is cut off at the next start; a file that is not an audit log is
 * refused and left as it is. Several processes may write to it: a lock beside it gives each append its turn, and what
 * another one appended is seen by the file's length, so that the chain goes on from there.
 */
export function openAuditFile(path: string, clock: Clock, appender: Appender): AuditLog {
  const file = openFile(path);
  const lock = createAppendLock(path, appender, clock, (who, at) => heldBy(path, who, at));
  let tail: Tail | undefined;
  attempt(path, () => lock.aloneNow(() => (tail = recoverTail(file, path))));
  let closed = false;
  const write = (record: AuditRecord): void => {
    // The number of a closed file may be another's by now.
    if (closed) throw unavailable(path, "it is closed, as the program is about to end");
    if (fstatSync(file).size !== tail?.size) tail = recoverTail(file, path);
    const next = chainLine(tail.head, record, clock.now());
    const bytes = Buffer.from(`${next.line}\n`);
    if (writeSync(file, bytes) !== bytes.length) {
      ftruncateSync(file, tail.size);
      throw unavailable(path, "the disk is full");
    }
    fdatasyncSync(file);
    tail = { head: next.head, size: tail.size + bytes.length };
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    append(record) {
      const written = last.then(() => lock.alone(() => write(record))).catch((caught: unknown) => refuse(path, caught));
      last = written.catch(() => undefined);
      return written;
    },
    close: () => {
      if (!closed) closeSync(file);
      closed = true;
      return Promise.resolve();
    },
  };
}

/** Could the log be written? Looks at the file, where there is one, and at its folder, and changes nothing. */
export function checkAuditFile(path: string): CheckLine {
  const subject = `audit log ${path}`;
  try {
    // The folder as well: it takes the lock.
    attempt(path, () => {
      for (const one of existsSync(path) ? [path, dirname(path)] : [dirname(path)])
        accessSync(one, constants.R_OK | constants.W_OK);
      if (existsSync(path)) lookInto(path);
    });
    return { subject, ok: true, message: "may be written" };
  } catch (caught) {
    return { subject, ok: false, message: "may not be written", advice: toHelmwardenError(caught).message };
  }
}

/** Throws where it is no audit log. */
function lookInto(path: string): void {
  const file = openSync(path, constants.O_RDONLY);
  try {
    readTail(file, path);
  } finally {
    closeSync(file);
  }
}

function openFile(path: string): number {
  return attempt(path, () => {
    const file = openSync(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o600);
    syncFolder(dirname(path));
    return file;
  });
}

/** A new file's name is on disk only once its folder is. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, constants.O_RDONLY);
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Where the chain goes on. */
interface Tail {
  readonly head: ChainHead;
  readonly size: number;
}

const LastRecord = z.object({ v: z.literal(AUDIT_FORMAT), sequence: z.number().int().positive() });

/** Where the chain goes on; what a crash tore is cut off. */
function recoverTail(file: number, path: string): Tail {
  const tail = readTail(file, path);
  if (fstatSync(file).size !== tail.size) ftruncateSync(file, tail.size);
  return tail;
}

function readTail(file: number, path: string): Tail {
  const { size } = fstatSync(file);
  const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
  readSync(file, tail, 0, tail.length, size - tail.length);
  const end = tail.lastIndexOf(10) + 1;
  if (end === 0 && size > tail.length) throw foreign(path);
  const lines = tail.subarray(0, Math.max(end - 1, 0));
  const head = end === 0 ? CHAIN_START : headOf(lines.subarray(lines.lastIndexOf(10) + 1).toString("utf8"), path);
  const rest = tail.subarray(end);
  if (rest.length === 0) return { head, size };
  if (!isTorn(rest)) throw foreign(path);
  return { head, size: size - rest.length };
}

const BEGINNING = Buffer.from(`{"v":${AUDIT_FORMAT},"sequence":`);

/** The beginning of a record, or the zeros that some filesystems leave after a power cut. */
function isTorn(rest: Buffer): boolean {
  const length = Math.min(rest.length, BEGINNING.length);
  return rest.subarray(0, length).equals(BEGINNING.subarray(0, length)) || rest.every((byte) => byte === 0);
}

function headOf(line: string, path: string): ChainHead {
  try {
    return { sequence: LastRecord.parse(JSON.parse(line)).sequence, hash: hashLine(line) };
  } catch {
    throw foreign(path);
  }
}

function foreign(path: string): HelmwardenError {
  return unavailable(
    path,
    "its last line is not a record of this format; keep it aside and let helmwarden begin a new one",
  );
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (caught) {
    return refuse(path, caught);
  }
}

function refuse(path: string, caught: unknown): never {
  if (caught instanceof HelmwardenError) throw caught;
  throw unavailable(path, reasonOf(caught));
}

const IS_FOLDER = "it is a folder; set `audit.file` to a file";

function reasonOf(caught: unknown): string {
  const code: unknown = caught instanceof Error && "code" in caught ? caught.code : undefined;
  switch (code) {
    case "ENOENT":
      return "its folder does not exist; make it, or set `audit.file`";
    case "EACCES":
    case "EROFS":
    case "EPERM":
      return "it may not be written; set `audit.file` to a place that may";
    case "EISDIR":
      return IS_FOLDER;
    case "ENOSPC":
    case "EDQUOT":
      return "the disk is full";
    default:
      return `the system answers ${typeof code === "string" ? code : "an unknown error"}`;
  }
}

function heldBy(path: string, who: string, lock: string): HelmwardenError {
  return unavailable(
    path,
    `${who} is writing to it and does not end. Look what it does; if no such process runs, remove ${lock}`,
  );
}

function unavailable(path: string, reason: string): HelmwardenError {
  return new HelmwardenError(
    "AuditUnavailable",
    `The audit log ${path} cannot be written: ${reason}. Without a record nothing is changed.`,
  );
}
