import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { CHAIN_START, chainLine, hashLine } from "../../../src/core/auditChain.ts";
import type { AuditRecord } from "../../../src/core/auditRecord.ts";
import type { Digest } from "../../../src/core/digest.ts";

const AT = new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678));
const record: AuditRecord = {
  kind: "intent",
  action: "upgrade",
  run: "0a1b2c3d",
  subject: "release default/apps/demo",
  base: "4",
  changes: [{ path: "a\nb", from: "0".repeat(32) as Digest, to: "1".repeat(32) as Digest, sources: ["vault:a#b@1"] }],
};

test("a line is one JSON object with version, number, time and the hash of the line before", () => {
  const { line, head } = chainLine(CHAIN_START, record, AT);
  expect(line).not.toContain("\n");
  expect(JSON.parse(line)).toEqual({
    v: 1,
    sequence: 1,
    at: "2026-01-02T03:04:05.678Z",
    ...record,
    prev: "0".repeat(64),
  });
  expect(head).toEqual({ sequence: 1, hash: createHash("sha256").update(line).digest("hex") });
});

test("a chain holds together, and any change of a line breaks it at the next", () => {
  let head = CHAIN_START;
  const lines: string[] = [];
  for (const outcome of ["a", "b", "c"]) {
    const next = chainLine(head, { ...record, outcome }, AT);
    lines.push(next.line);
    head = next.head;
  }
  expect(breaks(lines)).toBe(-1);
  expect(breaks(lines.with(1, lines[1]!.replace('"b"', '"B"')))).toBe(2);
  expect(breaks(lines.with(0, lines[0]!.replace("}", " }")))).toBe(1);
  expect(breaks(lines.toSpliced(1, 1))).toBe(1);
  expect(breaks(lines.toReversed())).toBe(0);
});

test("the hash is of the exact bytes", () => {
  expect(hashLine("ä")).toBe(createHash("sha256").update(Buffer.from("ä", "utf8")).digest("hex"));
});

/** The first line that does not hold to the one before it; -1: none. */
function breaks(chain: readonly string[]): number {
  return chain.findIndex((line, index) => {
    const before = chain[index - 1];
    const { prev, sequence } = JSON.parse(line) as { prev: string; sequence: number };
    return prev !== (before === undefined ? CHAIN_START.hash : hashLine(before)) || sequence !== index + 1;
  });
}
