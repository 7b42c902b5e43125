import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Json, JsonObject } from "../../../src/core/json.ts";
import { Sealed, SecretValue } from "../../../src/core/secretValue.ts";
import { writtenValue } from "../../../src/core/wanted.ts";
import { overlayText } from "../../../src/helm/overlayText.ts";
import { helmBinary } from "../../support/binaries.ts";
import { canary } from "../../support/canary.ts";
import { writeChart } from "../../support/helmRun.ts";

let dir: string;
let chart: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "hw-overlay-"));
  const templates = { "out.yaml": "values: {{ .Values | toJson | b64enc }}\n" };
  chart = writeChart(dir, { name: "echo", version: "1.0.0", values: "{}\n", templates });
});

afterAll(() => rmSync(dir, { recursive: true }));

/** What helm reads of an overlay on its standard input. */
function readByHelm(major: 3 | 4, overlay: JsonObject): unknown {
  const output = execFileSync(helmBinary(major), ["template", "r", chart, "--values", "-"], {
    input: overlayText(new Sealed(overlay)),
    encoding: "utf8",
    stdio: ["pipe", "pipe", "pipe"],
    env: { HOME: dir },
  });
  return JSON.parse(Buffer.from(/values: (\S+)/.exec(output)?.[1] ?? "", "base64").toString("utf8"));
}

const secret = canary("stdin");
const TEXTS = [
  ...`yes|no|on|off|y|~|1e3|0123|0o17|0x1F|1_000|.inf|12345678901234567890|2026-01-01|12:30:45|=|<<`.split("|"),
  `"quoted" 'twice' \`thrice\` \\ \\n \\u0041`,
  `line\nline\r\n\ttab\n\n  indented\n`,
  `a=b,c={d},e[0]: #x &y *z !t |> %`,
  `--- \n...`,
  `🔑 äöü ﷽ \u{1f468}\u200d\u{1f469}`,
  ...Array.from({ length: 0x1f }, (_, code) => `a${String.fromCharCode(code + 1)}b`),
  ...Array.from({ length: 0x23 }, (_, code) => `a${String.fromCharCode(code + 0x7e)} b`),
  ..."\u2028\u2029\ufeff\ufffe\uffff\ufdd0\u200b\u061c".split("").map((one) => ` a ${one} b `),
  "\u{1fffe}\u{10ffff}",
  "x".repeat(65_536),
  "ä".repeat(90_000),
  " leading and trailing \n",
];

describe.each([3, 4] as const)("helm %i", (major) => {
  test("reads every value that may be written just as the store has it", () => {
    const overlay = Object.fromEntries(TEXTS.map((text, index) => [`k${index}`, written(text + secret)]));
    expect(readByHelm(major, overlay)).toEqual(overlay);
  });

  test("reads the bare look-alikes, keys of every kind, and the other types", () => {
    const overlay: JsonObject = {
      ...Object.fromEntries(TEXTS.slice(0, 17).map((text) => [text, text])),
      "dotted.key": "v",
      "k\u0085\u2028\u007f": secret,
      number: 1.5,
      large: 9_007_199_254_740_991,
      tiny: 1e-7,
      flag: true,
      list: [{ a: ["x", 1, false] }],
    };
    expect(readByHelm(major, overlay)).toEqual(overlay);
  });
});

function written(text: string): Json {
  const made = writtenValue("k", SecretValue.fromText(text), "string", true);
  if (made.kind === "hold") throw new Error(made.hold.message);
  return made.json;
}
