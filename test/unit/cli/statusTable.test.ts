import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import { drawStatus, span } from "../../../src/cli/statusTable.ts";
import { styleFor } from "../../../src/cli/style.ts";
import type { StatusPage } from "../../../src/daemon/statusPage.ts";
import { viewOf } from "../../support/daemonView.ts";

const PAGE = viewOf().status();
const now = new Date("2026-01-01T01:00:00.000Z");

function draw(page: StatusPage, rows?: number, columns = 80): string[] {
  return drawStatus(page, { now, style: styleFor(false), columns, rows }).split("\n");
}

test("stores, watches and subjects, what needs a person first", () => {
  expect(draw(PAGE)).toEqual([
    "helmwarden 1.2.3, up 60 min; queue: 1 waiting, 2 running, 1 delayed",
    "",
    "STORE      STATE    READ      PATHS  CALLS/MIN",
    "vault      ok       12 s ago  20     40 of 120",
    "infisical  failing  not yet   1      0",
    "",
    "CLUSTER  WATCH  HEARD",
    "default  ok     3 s ago",
    "",
    "RELEASE OR SECRET             OUTCOME                     REV  AGO     NEXT",
    "secret vaultwarden/admin      failed: ClusterUnavailable       10 s    in 20 s",
    "release berlin web/wordpress  held: statefulCredential    3    30 min",
    "release web/matomo            in sync                     7    60 s",
    "",
  ]);
});

describe("on a terminal", () => {
  const many = Array.from({ length: 1000 }, (_, index) => ({
    ...PAGE.subjects[0]!,
    subject: `default/Release/web/release-${index}`,
  }));

  test("a thousand releases take no more lines than there are", () => {
    const lines = draw({ ...PAGE, subjects: [...many, ...PAGE.subjects] }, 24);
    expect(lines.length).toBeLessThanOrEqual(24);
    expect(lines.filter((line) => line.startsWith("release"))).toContain(
      "release berlin web/wordpress  held: statefulCredential    3    30 min",
    );
    expect(lines.at(-2)).toMatch(/^… and 99\d more$/);
  });

  test("long names give way, and colours change no width", () => {
    const long = { ...PAGE.subjects[2]!, subject: `arn:aws:eks:eu:1:cluster/prod/Release/web/${"n".repeat(60)}` };
    const restored = {
      ...PAGE.subjects[1]!,
      outcome: "restored",
      reason: "the workloads did not become ready in 5 min",
    };
    const page = { ...PAGE, subjects: [long, restored] };
    const lines = draw(page);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines.join("\n")).toContain("release arn:aws:eks");
    expect(lines.join("\n")).toContain("…");
    const coloured = drawStatus(page, { now, style: styleFor(true), columns: 80, rows: undefined });
    expect(stripVTControlCharacters(coloured)).toBe(lines.join("\n"));
  });

  test("what another program says moves no cursor", () => {
    const escape = {
      ...PAGE.subjects[0]!,
      subject: "default/Release/web/a\u001B[2J\nb",
      outcome: "\u009B2J",
      reason: "\r",
    };
    const drawn = drawStatus({ ...PAGE, subjects: [escape] }, { now, style: styleFor(false), columns: 80, rows: 24 });
    expect(drawn).not.toMatch(/[^\P{Cc}\n]/u);
  });
});

test("an empty daemon is drawn as well", () => {
  const empty = { ...PAGE, stores: [], subjects: [], watches: [] };
  expect(draw(empty)).toEqual(["helmwarden 1.2.3, up 60 min; queue: 1 waiting, 2 running, 1 delayed", ""]);
});

test.each([
  [-5, "0 s"],
  [119_000, "119 s"],
  [120_000, "2 min"],
  [7_200_000, "2 h"],
  [172_800_000, "2 d"],
])("%d ms is %s", (ms, text) => expect(span(ms)).toBe(text));
