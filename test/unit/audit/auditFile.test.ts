import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkAuditFile, openAuditFile } from "../../../src/audit/auditFile.ts";
import { CHAIN_START, hashLine } from "../../../src/core/auditChain.ts";
import type { AuditRecord } from "../../../src/core/auditRecord.ts";
import type { AuditLog } from "../../../src/ports.ts";
import { manualClock } from "../../support/clock.ts";
import { expectFault } from "../../support/silence.ts";

let dir: string;
let path: string;
const opened: AuditLog[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "hw-audit-"));
  path = join(dir, "audit.jsonl");
});

afterEach(async () => {
  for (const log of opened.splice(0)) await log.close();
  rmSync(dir, { recursive: true });
});

function open(at = path): AuditLog {
  const log = openAuditFile(at, manualClock(), { host: "here", pid: process.pid });
  opened.push(log);
  return log;
}

function record(run: string): AuditRecord {
  return { kind: "intent", action: "upgrade", run, subject: "release default/apps/demo", base: "1", changes: [] };
}

async function write(...runs: string[]): Promise<void> {
  const log = open();
  for (const run of runs) await log.append(record(run));
  await log.close();
}

/** Runs of the records, after a check of the whole chain. */
function runsOf(file = path): string[] {
  const text = readFileSync(file, "utf8");
  expect(text === "" || text.endsWith("\n")).toBe(true);
  let hash = CHAIN_START.hash;
  return text
    .split("\n")
    .slice(0, -1)
    .map((line, index) => {
      const { sequence, prev, run } = JSON.parse(line) as { sequence: number; prev: string; run: string };
      expect({ sequence, prev }).toEqual({ sequence: index + 1, prev: hash });
      hash = hashLine(line);
      return run;
    });
}

describe("the chain", () => {
  test("goes on from one process to the next", async () => {
    await write("a", "b");
    await write("c");
    expect(runsOf()).toEqual(["a", "b", "c"]);
  });

  test("keeps the order of calls that were not waited for", async () => {
    const log = open();
    await Promise.all(["a", "b", "c", "d"].map((run) => log.append(record(run))));
    expect(runsOf()).toEqual(["a", "b", "c", "d"]);
  });

  test("is begun in a file that only we may read, with nothing in it", () => {
    open();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(path).size).toBe(0);
  });

  test("takes in what another process appended meanwhile", async () => {
    const [one, other] = [open(), open()];
    await one.append(record("a"));
    await other.append(record("b"));
    await one.append(record("c"));
    expect(runsOf()).toEqual(["a", "b", "c"]);
  });

  test("begins anew in a file that was emptied (logrotate's copytruncate)", async () => {
    const log = open();
    await log.append(record("a"));
    writeFileSync(path, "");
    await log.append(record("b"));
    expect(runsOf()).toEqual(["b"]);
  });
});

describe("a line that a crash tore", () => {
  test.each([1, 5, 20, 100])("after %i bytes is cut off, and the chain goes on", async (length) => {
    await write("a", "b");
    const whole = readFileSync(path, "utf8");
    const next = whole.split("\n")[1]!.replace('"sequence":2', '"sequence":3');
    appendFileSync(path, next.slice(0, length));
    open();
    expect(readFileSync(path, "utf8")).toBe(whole);
    await write("c");
    expect(runsOf()).toEqual(["a", "b", "c"]);
  });

  test("may be the first", async () => {
    writeFileSync(path, '{"v":1,"seq');
    await write("a");
    expect(runsOf()).toEqual(["a"]);
  });

  test("may be the zeros of a power cut, or begin well and end in them", async () => {
    await write("a");
    appendFileSync(path, Buffer.alloc(4096));
    await write("b");
    appendFileSync(path, Buffer.concat([Buffer.from('{"v":1,"sequence":3,"at"'), Buffer.alloc(100)]));
    await write("c");
    expect(runsOf()).toEqual(["a", "b", "c"]);
  });

  test("is also seen where another process left it while we run", async () => {
    const log = open();
    await log.append(record("a"));
    appendFileSync(path, '{"v":1,"sequence":2,');
    await log.append(record("b"));
    expect(runsOf()).toEqual(["a", "b"]);
  });
});

describe("a file that is no audit log is refused, and left as it is", () => {
  test.each<[string, string | Buffer]>([
    ["text without a newline", "important notes"],
    ["text", "important\nnotes\n"],
    ["text behind a torn line", 'x\n{"v":1,"sequence":2'],
    ["one JSON document", '{"important": true}'],
    ["JSON lines of others", '{"important": true}\n'],
    ["another version of ours", '{"v":2,"sequence":1}\n'],
    ["a record without a number", '{"v":1}\n'],
    ["an empty line", "\n"],
    ["a line of ours with foreign text behind", '{"v":1,"sequence":1}\nnotes'],
    ["more than any record", "x".repeat(5 * 1024 * 1024)],
    ["more than any record, with an end", `${"x".repeat(5 * 1024 * 1024)}\n`],
    ["bytes", Buffer.from([0xff, 0xfe, 0x00, 0x0a])],
  ])("%s", async (_, content) => {
    writeFileSync(path, content);
    const fault = await expectFault("AuditUnavailable", async () => open());
    expect(fault.message).toContain(path);
    expect(fault.message).toContain("keep it aside");
    expect(readFileSync(path).equals(Buffer.from(content))).toBe(true);
  });
});

describe("where it cannot be written", () => {
  test.each<[string, () => string, RegExp]>([
    ["no folder", () => join(dir, "none/audit.jsonl"), /its folder does not exist; make it/],
    ["a folder in its place", () => dir, /it is a folder; set `audit\.file` to a file/],
  ])("%s", async (_, at, message) => {
    const fault = await expectFault("AuditUnavailable", async () => open(at()));
    expect(fault.message).toMatch(message);
  });

  test.runIf(process.platform === "linux")("a place that may not be written", async () => {
    const fault = await expectFault("AuditUnavailable", async () => open("/sys/audit.jsonl"));
    expect(fault.message).toMatch(/may not be written; set `audit.file`/);
  });

  test.skipIf(process.getuid?.() === 0)("a folder without the right", async () => {
    mkdirSync(join(dir, "closed"));
    chmodSync(join(dir, "closed"), 0o500);
    const fault = await expectFault("AuditUnavailable", async () => open(join(dir, "closed/audit.jsonl")));
    expect(fault.message).toMatch(/may not be written/);
  });

  test.runIf(process.platform === "linux")("a full disk: the append fails, and so nothing is changed", async () => {
    symlinkSync("/dev/full", path);
    const log = open();
    const fault = await expectFault("AuditUnavailable", () => log.append(record("a")));
    expect(fault.message).toMatch(/the disk is full\. Without a record nothing is changed/);
  });

  test("after close, also where the file's number is another's by then", async () => {
    const log = open();
    await log.close();
    await log.close();
    const other = open(join(dir, "other.jsonl"));
    await expectFault("AuditUnavailable", () => log.append(record("a")));
    await other.append(record("b"));
    expect(runsOf(join(dir, "other.jsonl"))).toEqual(["b"]);
  });
});

describe("checkAuditFile looks and changes nothing", () => {
  test("a file that is there, and one that is not yet", async () => {
    expect(checkAuditFile(path)).toMatchObject({ ok: true });
    await write("a");
    expect(checkAuditFile(path)).toMatchObject({ ok: true });
    expect(runsOf()).toEqual(["a"]);
  });

  test("a file that is no audit log, and one that a crash tore", async () => {
    await write("a");
    appendFileSync(path, '{"v":1,"sequ');
    const torn = readFileSync(path, "utf8");
    expect(checkAuditFile(path)).toMatchObject({ ok: true });
    expect(readFileSync(path, "utf8")).toBe(torn);
    writeFileSync(path, "important notes\n");
    expect(checkAuditFile(path)).toMatchObject({
      ok: false,
      advice: expect.stringContaining("not a record of this format") as string,
    });
  });

  test("a folder in its place", () => {
    mkdirSync(path);
    expect(checkAuditFile(path)).toMatchObject({
      ok: false,
      advice: expect.stringContaining("it is a folder") as string,
    });
  });

  test("a folder that is not there", () => {
    expect(checkAuditFile(join(dir, "none/audit.jsonl"))).toMatchObject({
      ok: false,
      advice: expect.stringContaining("its folder does not exist") as string,
    });
  });
});
