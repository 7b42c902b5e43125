import { stripVTControlCharacters } from "node:util";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatRotations, type RotationForm } from "../../../src/cli/rotationTable.ts";
import type { RotationRow } from "../../../src/core/rotation/row.ts";

const now = new Date("2026-11-23T20:00:00.000Z");
const DAY = 86_400_000;

function row(change: Partial<RotationRow> = {}): RotationRow {
  const lastRotated = new Date("2026-08-20T10:00:00.000Z");
  return {
    name: "matomo-db",
    namespace: "matomo",
    secret: "vault:apps/matomo#DB_PASSWORD",
    owner: "platform@example.com",
    ageMs: now.getTime() - lastRotated.getTime(),
    lastRotated,
    dueAt: new Date(lastRotated.getTime() + 90 * DAY),
    nextAt: new Date("2026-11-28T01:00:00.000Z"),
    window: "0 2 * * 6 for 4h, Europe/Berlin",
    state: "waiting",
    step: undefined,
    late: false,
    message: undefined,
    ...change,
  };
}

const EMPTY = { owner: undefined, ageMs: undefined, lastRotated: undefined, dueAt: undefined, window: undefined };

function format(rows: readonly RotationRow[], form: RotationForm, { color = false, columns = 80 } = {}): string {
  return formatRotations(rows, form, { color, columns }, now);
}

describe("table", () => {
  test("what needs a person comes first, and what is too long for a column stands below", () => {
    const rows = [
      row({
        name: "api",
        state: "fresh",
        dueAt: new Date("2026-12-20T00:00:00Z"),
        nextAt: new Date("2026-12-20T00:00:00Z"),
        window: undefined,
      }),
      row(),
      row({
        ...EMPTY,
        name: "salts",
        state: "refused",
        nextAt: undefined,
        message: "It encrypts data at rest. Remove the policy.",
      }),
      row({ name: "late", state: "overdue", nextAt: now, step: "pending" }),
    ];
    expect(format(rows, "table").split("\n")).toEqual([
      "POLICY            STATE    AGE   ROTATED     DUE         STARTS (UTC)",
      "matomo/late       overdue  95 d  2026-08-20  2026-11-18  now",
      "  vault:apps/matomo#DB_PASSWORD; owner platform@example.com;",
      "  window 0 2 * * 6 for 4h, Europe/Berlin; step pending",
      "matomo/salts      refused  ?",
      "  vault:apps/matomo#DB_PASSWORD",
      "  It encrypts data at rest. Remove the policy.",
      "matomo/matomo-db  waiting  95 d  2026-08-20  2026-11-18  2026-11-28 01:00",
      "  vault:apps/matomo#DB_PASSWORD; owner platform@example.com;",
      "  window 0 2 * * 6 for 4h, Europe/Berlin",
      "matomo/api        fresh    95 d  2026-08-20  2026-12-20  2026-12-20 00:00",
      "  vault:apps/matomo#DB_PASSWORD; owner platform@example.com",
      "",
    ]);
  });

  test.each([false, true])("fits 80 columns whatever the names are (colour %s)", (color) => {
    const names = fc.stringMatching(/^[a-z]{1,80}$/);
    fc.assert(
      fc.property(names, names, fc.string({ maxLength: 300 }), (name, namespace, message) => {
        const long = row({ name, namespace, message, secret: `vault:${"apps/".repeat(40)}#KEY`, state: "rotating" });
        const lines = format([long], "table", { color }).split("\n").map(stripVTControlCharacters);
        expect(lines.filter((line) => line.length > 80)).toEqual([]);
      }),
    );
  });

  test("no control character of another program reaches the terminal", () => {
    expect(format([row({ message: "a\u001b[2Jb\nc" })], "table")).not.toContain("\u001b");
  });

  test("none at all", () => {
    expect(format([], "table")).toBe("There is no RotationPolicy.\n");
  });
});

test("json holds dates as they are, and nothing for what is not known", () => {
  const text = format([row({ ...EMPTY, state: "unknown", nextAt: undefined })], "json");
  expect(JSON.parse(text)).toEqual({
    command: "rotation status",
    at: "2026-11-23T20:00:00.000Z",
    policies: [
      {
        name: "matomo-db",
        namespace: "matomo",
        secret: "vault:apps/matomo#DB_PASSWORD",
        nextAt: undefined,
        state: "unknown",
        late: false,
      },
    ],
  });
  expect(JSON.parse(format([row()], "json"))).toMatchObject({ policies: [{ dueAt: "2026-11-18T10:00:00.000Z" }] });
});

/** A reader by RFC 4180, to read back what we write. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain = "", end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    rows.at(-1)!.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === "\r\n") rows.push([]);
  }
  return rows.slice(0, -1);
}

describe("csv", () => {
  test("a header, and a line for each policy", () => {
    const lines = format([row(), row({ ...EMPTY, name: "a", state: "unknown", nextAt: undefined })], "csv").split(
      "\r\n",
    );
    expect(lines).toEqual([
      "namespace,name,secret,owner,state,age_days,last_rotated,due,starts,window,step,message",
      "matomo,a,vault:apps/matomo#DB_PASSWORD,,unknown,,,,,,,",
      'matomo,matomo-db,vault:apps/matomo#DB_PASSWORD,platform@example.com,waiting,95,2026-08-20T10:00:00.000Z,2026-11-18T10:00:00.000Z,2026-11-28T01:00:00.000Z,"0 2 * * 6 for 4h, Europe/Berlin",,',
      "",
    ]);
  });

  test("any text comes back, and no cell is a formula", () => {
    const texts = fc.oneof(
      fc.string(),
      fc.constantFrom('=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\t=1", " =1", '"', "a\r\nb"),
    );
    fc.assert(
      fc.property(texts, texts, (owner, message) => {
        const read = readCsv(format([row({ owner, message })], "csv"));
        expect(read).toHaveLength(2);
        expect(read[1]).toHaveLength(12);
        expect(read[1]!.filter((cell) => /^\s*[=+\-@]/.test(cell))).toEqual([]);
        expect([read[1]![3], read[1]![3]!.slice(1)]).toContain(owner);
        expect([read[1]![11], read[1]![11]!.slice(1)]).toContain(message);
      }),
    );
  });
});

/** Lines of a calendar put together again, by RFC 5545 section 3.1. */
function unfold(text: string): string[] {
  return text.replaceAll("\r\n ", "").split("\r\n");
}

describe("ics", () => {
  test("an event for each policy that has a time", () => {
    const text = format([row(), row({ ...EMPTY, state: "refused", nextAt: undefined })], "ics");
    expect(unfold(text)).toEqual([
      "BEGIN:VCALENDAR",
      "VERSION:2.0",
      "PRODID:-//helmwarden//rotation status//EN",
      "METHOD:PUBLISH",
      "BEGIN:VEVENT",
      "UID:rotation.matomo.matomo-db@helmwarden",
      "DTSTAMP:20261123T200000Z",
      "DTSTART:20261128T010000Z",
      "SUMMARY:Rotation of matomo/matomo-db",
      String.raw`DESCRIPTION:Secret: vault:apps/matomo#DB_PASSWORD\nState: waiting\nOwner: platform@example.com\nLast rotated: 2026-08-20T10:00:00.000Z\nDue: 2026-11-18T10:00:00.000Z\nWindow: 0 2 * * 6 for 4h\, Europe/Berlin`,
      "TRANSP:TRANSPARENT",
      "END:VEVENT",
      "END:VCALENDAR",
      "",
    ]);
  });

  test("lines have at most 75 octets and no character is cut, escapes are undone again", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 300 }), (owner) => {
        const text = format([row({ owner })], "ics");
        const lines = text.split("\r\n");
        expect(lines.filter((line) => Buffer.byteLength(line) > 75)).toEqual([]);
        expect(text).not.toContain("\uFFFD");
        expect(text.replaceAll("\r\n", "")).not.toMatch(/\p{Cc}/u);
        const shown = unfold(text)
          .find((line) => line.startsWith("DESCRIPTION"))!
          .replaceAll(/\\([\\;,n])/g, (_, one: string) => (one === "n" ? "\n" : one));
        const plain = owner.replaceAll(/\r?\n/g, "\n").replaceAll(/(?!\n)\p{Cc}/gu, " ");
        expect(shown).toContain(`Owner: ${plain}\n`);
      }),
    );
  });

  test("one that is overdue says so, under the same UID", () => {
    const lines = unfold(format([row({ state: "overdue", nextAt: now })], "ics"));
    expect(lines).toContain("SUMMARY:Overdue: rotation of matomo/matomo-db");
    expect(lines).toContain("UID:rotation.matomo.matomo-db@helmwarden");
    expect(lines).toContain("DTSTART:20261123T200000Z");
  });
});
