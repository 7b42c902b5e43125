import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { repository } from "../../../scripts/artifacts.mjs";
import { openAuditFile } from "../../../src/audit/auditFile.ts";
import { CHAIN_START, hashLine } from "../../../src/core/auditChain.ts";
import type { AuditRecord } from "../../../src/core/auditRecord.ts";
import { manualClock } from "../../support/clock.ts";
import { expectFault } from "../../support/silence.ts";

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "hw-audit-many-"));
  path = join(dir, "audit.jsonl");
});
afterEach(() => rmSync(dir, { recursive: true }));

const WRITER = `
import { openAuditFile } from "./src/audit/auditFile.ts";
import { systemClock } from "./src/clock.ts";
const [path, run, count] = process.argv.slice(1);
const log = openAuditFile(path, systemClock, { host: "here", pid: process.pid });
const record = { kind: "intent", action: "upgrade", run, subject: "release a/b/c", base: "1", changes: [] };
for (let number = 0; number < Number(count); number += 1) {
  await log.append(record);
  // Others get a turn.
  await new Promise((resolve) => setTimeout(resolve, 2));
}
await log.close();
`;

function startWriter(run: string, count: number): Promise<number> {
  const args = ["--input-type=module", "-e", WRITER, path, run, String(count)];
  const child = spawn(process.execPath, args, { cwd: repository, stdio: ["ignore", "ignore", "inherit"] });
  return once(child, "exit").then(([code]) => Number(code));
}

/** The run of each record, after a check of the whole chain. */
function runs(): string[] {
  let hash = CHAIN_START.hash;
  return readFileSync(path, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line, index) => {
      const { sequence, prev, run } = JSON.parse(line) as { sequence: number; prev: string; run: string };
      expect({ sequence, prev }).toEqual({ sequence: index + 1, prev: hash });
      hash = hashLine(line);
      return run;
    });
}

const record: AuditRecord = { kind: "result", action: "adopt", run: "ours", subject: "s", base: "1", changes: [] };
const appender = { host: "here", pid: process.pid };
const noRun = (): number => spawnSync(process.execPath, ["-e", ""]).pid;

test("three processes that append at the same time make one whole chain", async () => {
  expect(await Promise.all(["a", "b", "c"].map((run) => startWriter(run, 150)))).toEqual([0, 0, 0]);
  const written = runs();
  expect(Object.fromEntries(["a", "b", "c"].map((run) => [run, written.filter((one) => one === run).length]))).toEqual({
    a: 150,
    b: 150,
    c: 150,
  });
  // They took turns: not one process after another.
  expect(written.filter((run, index) => run !== written[index - 1]).length).toBeGreaterThan(3);
  expect(readdirSync(dir)).toEqual(["audit.jsonl"]);
}, 120_000);

test("a process that lives and does not let go is named, and nothing is written", async () => {
  const clock = manualClock();
  symlinkSync(`here ${process.ppid} 7-1`, `${path}.lock`);
  const log = openAuditFile(path, clock, appender);
  const refused = expectFault("AuditUnavailable", () => log.append(record));
  await clock.advance(11_000);
  const { message } = await refused;
  expect(message).toContain(`process ${process.ppid} on here is writing to it`);
  expect(message).toContain(`remove ${path}.lock`);
  expect(readFileSync(path, "utf8")).toBe("");
  await log.close();
});

test.each([
  ["a process of this machine that has died", () => `here ${noRun()} 7-1`, 2_000],
  ["another machine that has not moved for half a minute", () => "elsewhere 1 7-1", 31_000],
])("what %s left is taken away", async (_, text, afterMs) => {
  const clock = manualClock();
  symlinkSync(text(), `${path}.lock`);
  const log = openAuditFile(path, clock, appender);
  let done = false;
  const appended = log.append(record).then(() => (done = true));
  await clock.advance(afterMs / 2 - 600);
  expect(done).toBe(false);
  await clock.advance(afterMs);
  await appended;
  expect(runs()).toEqual(["ours"]);
  expect(existsSync(`${path}.lock`)).toBe(false);
  await log.close();
});

test("one that goes on writing on another machine is waited for, up to a minute", async () => {
  const clock = manualClock();
  const lock = `${path}.lock`;
  const log = openAuditFile(path, clock, appender);
  symlinkSync("elsewhere 1 0", lock);
  const refused = expectFault("AuditUnavailable", () => log.append(record));
  for (let turn = 1; turn < 8; turn += 1) {
    await clock.advance(10_000);
    rmSync(lock, { force: true });
    symlinkSync(`elsewhere 1 ${turn}`, lock);
  }
  expect((await refused).message).toContain("process 1 on elsewhere");
  await log.close();
});
