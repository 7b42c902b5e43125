import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../../src/core/json.ts";
import { formatValuePath, parseValuePath, setAt, type ValuePath } from "../../../src/core/valuePath.ts";
import { helmBinary } from "../../support/binaries.ts";

let chart: string;

beforeAll(() => {
  chart = mkdtempSync(join(tmpdir(), "hw-value-path-"));
  mkdirSync(join(chart, "templates"));
  writeFileSync(join(chart, "Chart.yaml"), "apiVersion: v2\nname: paths\nversion: 1.0.0\n");
  writeFileSync(join(chart, "templates/out.yaml"), "values: {{ .Values | toJson | b64enc }}\n");
});

afterAll(() => {
  rmSync(chart, { recursive: true });
});

/** What helm itself makes of `--set-string PATH=v`. */
function valuesByHelm(major: 3 | 4, path: string): JsonObject {
  const args = ["template", "r", chart, "--set-string", `${path}=v`];
  const output = execFileSync(helmBinary(major), args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const encoded = /values: (\S+)/.exec(output)?.[1] ?? "";
  return JSON.parse(Buffer.from(encoded, "base64").toString("utf8")) as JsonObject;
}

const WRITTEN = [
  "a",
  "a.b.c",
  "a-b.c_d",
  "0",
  "a.0.b",
  "a[0]",
  "a[2].b",
  "a[0][1].b[2]",
  "a]b",
  "a b.c d",
  "ö.🔑",
  "a/b@c:d",
  `"a".'b'`,
  "{a}.b",
  "$x.#y.!z",
  String.raw`a\.b.c`,
  String.raw`a\,b`,
  String.raw`a\=b.c\=d`,
  String.raw`a\[0\].b`,
  String.raw`a\\.b`,
  String.raw`\a.b`,
  String.raw`nodeSelector.kubernetes\.io/role`,
];

const MADE: readonly ValuePath[] = [
  ["a.b", 1, "c,d", "e=f", "[0]", "g\\h"],
  ["\\"],
  [".", "..", "=", ","],
  ["a]", "[b"],
];

const REFUSED = ["", ".a", "a..b", "a=b", "a[x]", "a[-1]", "a[0", "a[0]b", "a[65537]"];

describe.each([3, 4] as const)("helm %i", (major) => {
  test.each(WRITTEN)("reads %s as we do", (text) => {
    const path = parseValuePath(text) as ValuePath;
    expect(setAt({}, path, "v")).toEqual(valuesByHelm(major, text));
  });

  test.each(MADE)("reads what we write for %j, %j …", (...path) => {
    expect(valuesByHelm(major, formatValuePath(path))).toEqual(setAt({}, path, "v"));
  });

  test.each(REFUSED)("does nothing useful with %j either", (text) => {
    expect(parseValuePath(text)).toHaveProperty("error");
    let values: JsonObject | "refused";
    try {
      values = valuesByHelm(major, text);
    } catch {
      values = "refused";
    }
    expect(values).toSatisfy((seen: typeof values) => seen === "refused" || !JSON.stringify(seen).includes('"v"'));
  });
});
