import { constants, type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import * as z from "zod";
import type { Digest } from "../core/digest.ts";
import type { JournalEntry } from "../core/migration/journal.ts";
import { HelmwardenError } from "../errors.ts";
import type { MigrationJournal } from "../ports.ts";

const names = z.array(z.string());
const Entry: z.ZodType<JournalEntry> = z.discriminatedUnion("step", [
  z.object({
    step: z.literal("begin"),
    at: z.string(),
    items: z.number().default(0),
    request: z.object({
      cluster: z.string(),
      namespaces: names,
      labelSelector: z.string().optional(),
      secrets: names,
      template: z.string(),
      store: z.string(),
      mapping: z.string().optional(),
      rotate: z.string().optional(),
      from: z.string().optional(),
      paths: names.optional(),
    }),
  }),
  z.object({
    step: z.literal("item"),
    path: z.string(),
    origin: z.string(),
    keys: z.record(
      z.string(),
      z.string().transform((digest) => digest as Digest),
    ),
  }),
  z.object({ step: z.literal("backup"), at: z.string(), file: z.string(), sha256: z.string(), secrets: z.number() }),
  z.object({ step: z.literal("intent"), path: z.string(), keys: names }),
  z.object({
    step: z.literal("imported"),
    path: z.string(),
    keys: z.record(z.string(), z.enum(["created", "equal", "conflict", "changed", "failed"])),
  }),
  z.object({ step: z.literal("removed"), path: z.string(), keys: names }),
  z.object({ step: z.literal("deleting"), path: z.string() }),
  z.object({ step: z.literal("deleted"), at: z.string(), path: z.string() }),
  z.object({
    step: z.literal("stage"),
    at: z.string(),
    stage: z.enum(["import", "verify", "generate", "plan", "cutover", "rollback", "cleanup"]),
    ok: z.boolean(),
  }),
]);

/**
 * The journal of one migration, a file of JSON lines (mode 0600); "begin" makes it, and its folder. What a crash tore off at its
 * end is cut away. JournalUnavailable where it cannot be read or written: then nothing may be changed.
 */
export async function openJournal(path: string, how: "begin" | "go on" | "read"): Promise<MigrationJournal> {
  const file = await attempt(path, async () => {
    if (how === "begin") await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return await open(path, FLAGS[how], 0o600);
  });
  const bytes = await attempt(path, () => file.readFile());
  const whole = bytes.lastIndexOf(10) + 1;
  if (how !== "read" && whole < bytes.length) await attempt(path, () => file.truncate(whole));
  const lines = bytes.subarray(0, whole).toString("utf8").split("\n").filter(Boolean);
  const entries = lines.map((line) => parse(line, path));
  let last: Promise<void> = Promise.resolve();
  let waiting: JournalEntry[] | undefined;
  return {
    entries,
    append(...added) {
      if (waiting !== undefined) {
        waiting.push(...added);
        return last;
      }
      // In turns, as a line must not be torn by another; what comes while one is written goes with the next, together.
      const batch = [...added];
      waiting = batch;
      last = inTurn(last, async () => {
        waiting = undefined;
        await write(file, path, batch);
        entries.push(...batch);
      });
      return last;
    },
    close: () => file.close(),
  };
}

const { O_RDONLY, O_RDWR, O_APPEND, O_CREAT } = constants;
const FLAGS = { begin: O_RDWR | O_APPEND | O_CREAT, "go on": O_RDWR | O_APPEND, read: O_RDONLY } as const;

async function inTurn(before: Promise<void>, work: () => Promise<void>): Promise<void> {
  await before;
  await work();
}

async function write(file: FileHandle, path: string, added: readonly JournalEntry[]): Promise<void> {
  await attempt(path, async () => {
    await file.appendFile(added.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
    await file.datasync();
  });
}

function parse(line: string, path: string): JournalEntry {
  try {
    return Entry.parse(JSON.parse(line));
  } catch {
    throw unavailable(path, "a line of it is not helmwarden's");
  }
}

async function attempt<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (caught) {
    const code: unknown = caught instanceof Error && "code" in caught ? caught.code : undefined;
    throw unavailable(path, typeof code === "string" ? (REASONS[code] ?? `the system answers ${code}`) : "unknown");
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file; `migrate run` begins one",
  EACCES: "its permissions do not let us",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk is full",
  EFBIG: "it grows larger than files may be here",
};

function unavailable(path: string, reason: string): HelmwardenError {
  return new HelmwardenError(
    "JournalUnavailable",
    `The journal ${path} cannot be used: ${reason}. Without it nothing is changed; \`migrate resume\` goes on later.`,
  );
}
