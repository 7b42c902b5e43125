import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repository } from "../../../scripts/artifacts.mjs";

const PROGRAM = `
import { openAuditFile } from "./src/audit/auditFile.ts";
process.on("SIGXFSZ", () => undefined);
const clock = { now: () => new Date(0), monotonic: () => 0 };
const log = openAuditFile(process.argv[1], clock, { host: "here", pid: process.pid });
const record = { kind: "intent", action: "upgrade", run: "r", subject: "release a/b/c", base: "1", changes: [] };
const faults = [];
for (let tries = 0; faults.length < 3 && tries < 100; tries += 1) {
  await log.append(record).catch(({ code, message }) => faults.push(code + " " + message));
}
process.stdout.write(JSON.stringify(faults));
`;

test("a record that fits only in part is taken back, and every further one is refused", () => {
  const dir = mkdtempSync(join(tmpdir(), "hw-audit-full-"));
  const path = join(dir, "audit.jsonl");
  // A limit on the size of a file ends a write half-way, as a disk does that gets full.
  const shell = 'ulimit -f 4; exec "$0" --input-type=module -e "$1" "$2"';
  const output = execFileSync("/bin/sh", ["-c", shell, process.execPath, PROGRAM, path], {
    cwd: repository,
    encoding: "utf8",
  });
  const text = readFileSync(path, "utf8");
  rmSync(dir, { recursive: true });

  const faults = JSON.parse(output) as string[];
  expect(faults).toHaveLength(3);
  for (const fault of faults) expect(fault).toMatch(/^AuditUnavailable .*the disk is full\. Without a record nothing/);
  expect(text.endsWith("}\n")).toBe(true);
  const lines = text.split("\n").slice(0, -1);
  expect(lines.length).toBeGreaterThan(3);
  expect(lines.map((line) => (JSON.parse(line) as { sequence: number }).sequence)).toEqual(
    lines.map((_, index) => index + 1),
  );
});
