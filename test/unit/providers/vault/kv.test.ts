import { describe, expect, it } from "vitest";
import type { PathReading } from "../../../../src/ports.ts";
import { readAnswer, readingOf } from "../../../../src/providers/vault/kv.ts";
import { canary } from "../../../support/canary.ts";

const response = (status: number, body: unknown): Parameters<typeof readAnswer>[0] => ({
  status,
  headers: {},
  body: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
});
const gone = { created_time: "2026-01-01T00:00:00Z", deletion_time: "2026-01-02T00:00:00Z", version: 3 };

describe("a 404", () => {
  it.each([
    [{ errors: [] }, { kind: "missing", why: "absent" }],
    [{ data: { data: null, metadata: { ...gone, destroyed: false } } }, { kind: "missing", why: "deleted" }],
    [{ data: { data: null, metadata: { ...gone, destroyed: true } } }, { kind: "missing", why: "destroyed" }],
    [{ data: null, warnings: ["Invalid path for a versioned K/V secrets engine."] }, { kind: "otherVersion" }],
    [{ errors: ['no handler for route "nope/x". route entry not found.'] }, { kind: "noMount" }],
    ["", { kind: "unknown" }],
    ["<html>", { kind: "unknown" }],
    [{ errors: "none" }, { kind: "unknown" }],
  ])("with %j", (body, meaning) => {
    expect(readAnswer(response(404, body), 2)).toEqual(meaning);
  });
});

const read = (secrets: object, version = 2, previous?: PathReading): PathReading => {
  const metadata = { version, created_time: "2026-01-01T00:00:00.123456789Z" };
  const answer = readAnswer(response(200, { data: { data: secrets, metadata } }), 2);
  if (answer.kind !== "found") throw new Error(answer.kind);
  return readingOf(answer, previous);
};

const kept = canary("noted");
const noted = (custom_metadata: object, previous?: PathReading): PathReading => {
  const metadata = { version: 2, created_time: "2026-11-23T00:00:00Z", custom_metadata };
  const answer = readAnswer(response(200, { data: { data: { A: kept }, metadata } }), 2);
  return readingOf(answer as Parameters<typeof readingOf>[0], previous);
};

describe("a reading", () => {
  const value = canary("value");

  it("is the previous object while version, time, keys and values are the same", () => {
    const first = read({ A: value, B: 1 });
    expect(read({ B: 1, A: value }, 2, first)).toBe(first);
    expect(read({ A: value, B: 1 }, 3, first)).not.toBe(first);
    expect(read({ A: value }, 2, first)).not.toBe(first);
    expect(read({ A: value, C: 1 }, 2, first)).not.toBe(first);
    expect(read({ A: canary("other"), B: 1 }, 2, first)).not.toBe(first);
  });

  it("tells what a static role of Vault rotates itself, which answers as KV 1 does", () => {
    const data = {
      username: "app",
      password: value,
      ttl: 60,
      rotation_period: 3600,
      last_vault_rotation: "2026-11-23",
    };
    const answer = readAnswer(response(200, { data }), 1);
    const reading = answer.kind === "found" ? readingOf(answer) : undefined;
    const password = reading?.kind === "found" ? reading.secrets.get("password") : undefined;
    expect(password).toMatchObject({ managedBy: "a static role of Vault" });
  });

  it("is another one when only its notes are", () => {
    const first = noted({ managedBy: "a CronJob" });
    expect(noted({ managedBy: "a CronJob" }, first)).toBe(first);
    expect(noted({}, first)).not.toBe(first);
  });

  it("of KV 1 has version 0 and no time", () => {
    const answer = readAnswer(response(200, { data: { A: value } }), 1);
    const reading = answer.kind === "found" ? readingOf(answer) : undefined;
    expect(reading?.kind === "found" && reading.secrets.get("A")).toMatchObject({ version: 0, updatedAt: undefined });
  });

  it("with nothing in it is found and empty", () => {
    expect(read({})).toEqual({ kind: "found", secrets: new Map() });
  });
});
