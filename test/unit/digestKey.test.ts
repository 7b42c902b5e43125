import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { digestKeyBeside, digestKeyOf, keyOfThisRun, presentDigestKey } from "../../src/digestKey.ts";
import { expectFault } from "../support/silence.ts";

let dir: string;
let auditFile: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "hw-key-"));
  auditFile = join(dir, "audit.jsonl");
});

afterEach(() => rmSync(dir, { recursive: true }));

test("32 bytes are made beside the audit file, for us alone, and are the same ever after", async () => {
  const key = await digestKeyBeside(auditFile);
  expect(key).toHaveLength(32);
  expect(statSync(`${auditFile}.key`).mode & 0o777).toBe(0o600);
  expect(readFileSync(`${auditFile}.key`).equals(key)).toBe(true);
  expect(await digestKeyBeside(auditFile)).toEqual(key);
  expect(await presentDigestKey(auditFile)).toEqual(key);
  expect(readdirSync(dir)).toEqual(["audit.jsonl.key"]);
});

test("of several processes that begin at once, all have the key of the first", async () => {
  const keys = await Promise.all(Array.from({ length: 8 }, () => digestKeyBeside(auditFile)));
  expect(new Set(keys.map((key) => Buffer.from(key).toString("hex"))).size).toBe(1);
  expect(readdirSync(dir)).toEqual(["audit.jsonl.key"]);
});

test("a plan makes none: it has one for its run only", async () => {
  expect(await presentDigestKey(auditFile)).toBeUndefined();
  expect(keyOfThisRun()).not.toEqual(keyOfThisRun());
  expect(readdirSync(dir)).toEqual([]);
});

test("no folder: nothing can be recorded", async () => {
  const fault = await expectFault("AuditUnavailable", () => digestKeyBeside(join(dir, "none/audit.jsonl")));
  expect(fault.message).toContain(join(dir, "none/audit.jsonl.key"));
});

test.each([0, 15])("a key of %i bytes could be guessed", async (length) => {
  writeFileSync(`${auditFile}.key`, Buffer.alloc(length, 1));
  await expectFault("ConfigInvalid", () => digestKeyBeside(auditFile));
  await expectFault("ConfigInvalid", async () => digestKeyOf(Buffer.alloc(length)));
});

test("16 bytes are enough for one that the configuration names", () => {
  const bytes = Buffer.alloc(16, 1);
  expect(digestKeyOf(bytes)).toBe(bytes);
});
