import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Json, jsonEquals } from "../../../src/core/json.ts";
import { SecretValue } from "../../../src/core/secretValue.ts";
import { isEmptyLike, type ValueType, type Written, writtenValue } from "../../../src/core/wanted.ts";
import { canary } from "../../support/canary.ts";

const secret = canary("wanted");

function write(text: string, type: ValueType = "string", allowEmpty = false): Written {
  return writtenValue("db.password", SecretValue.fromText(text), type, allowEmpty);
}

/** The JSON that is written, or the reason of the hold. */
function outcome(text: string, type: ValueType = "string", allowEmpty = false): Json | undefined {
  const written = write(text, type, allowEmpty);
  if (written.kind === "json") return written.json;
  expect(written.hold.where).toBe("db.password");
  expect(written.hold.message).toMatch(/[.;] .+\.$|,.+\.$/s);
  expect(written.hold.message).not.toContain(secret);
  return `hold: ${written.hold.reason}`;
}

describe("a string goes through as it is, whatever it looks like", () => {
  test.each([
    secret,
    `"${secret}" 'x'`,
    `${secret}\nsecond line\r\n`,
    `  ${secret}\t`,
    `a=${secret},b={c},d[0]`,
    `${secret} 🔑 öäü`,
    `\u007f\u0085\u2028\ufeff${secret}\uffff`,
    String.raw`\u007b ${secret} \n \x`,
    "{ {",
    "}}",
    "yes",
    "no",
    "on",
    "true",
    "~",
    "1e3",
    "0123",
    "0x1F",
    "0o17",
    "1_000",
    ".inf",
    ".nan",
    "2026-01-01",
    "12:30:45",
    "12345678901234567890",
    "007",
    "-",
    "- a: b",
    "a: b",
    "# comment",
    "&anchor",
    "*alias",
    "!!binary abc",
    "|",
    ">",
    "%YAML 1.2",
    "---",
    "...",
    "__proto__",
    "${HOME} $(id) `id`",
    `${"x".repeat(65_536)}${secret}`,
    "x".repeat(200_000),
  ])("%j", (text) => {
    expect(outcome(text)).toBe(text);
  });

  test("property: text without the forbidden marks is written, and comes back the same", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from("a0{}: -#\n\t\r'\"\\ä🔑\u2028\u0085")), minLength: 1 }),
        (text) => {
          fc.pre(!text.includes("{{") && !text.includes("\0") && !isEmptyLike(text));
          expect(outcome(text)).toBe(text);
        },
      ),
    );
  });
});

describe("what must not go into a release is held", () => {
  test.each<[string, string]>([
    [`{{ ${secret} }}`, "unsafeValue"],
    [`${secret}{{`, "unsafeValue"],
    [`${secret}\0`, "unsafeValue"],
    ["", "empty"],
    [" \t\r\n", "empty"],
    ["\u00a0\u2003", "empty"],
    ["changeme", "empty"],
    ["ChangeMe\n", "empty"],
    ["change-me", "empty"],
    ["TODO", "empty"],
    ["null", "empty"],
    ["undefined", "empty"],
    ["<hidden-by-infisical>", "empty"],
    ["x".repeat(200_001), "tooLarge"],
    ["é".repeat(100_001), "tooLarge"],
    [secret.repeat(30_000), "tooLarge"],
  ])("%.40j…: %s", (text, reason) => {
    expect(outcome(text)).toBe(`hold: ${reason}`);
  });

  test.each([[0xff, 0xfe], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0x61, 0xf5, 0x80, 0x80, 0x80]])(
    "bytes that are not UTF-8: %j, %j …",
    (...bytes) => {
      const written = writtenValue("k", SecretValue.fromBytes(Uint8Array.from(bytes)), "string", true);
      expect(written).toMatchObject({ kind: "hold", hold: { reason: "unsafeValue" } });
    },
  );

  test("`empty: allow` lets blanks and placeholders through, and nothing else", () => {
    expect(outcome("", "string", true)).toBe("");
    expect(outcome("changeme", "string", true)).toBe("changeme");
    expect(outcome("{{", "string", true)).toBe("hold: unsafeValue");
    expect(outcome("", "number", true)).toBe("hold: typeClash");
  });

  test("a word that only contains a placeholder is none", () => {
    for (const text of ["changeme1", "nullify", "todo-list", "none of them"]) expect(outcome(text)).toBe(text);
  });
});

describe("other types", () => {
  test.each<[ValueType, string, Json]>([
    ["number", "0", 0],
    ["number", "-0.5", -0.5],
    ["number", " 42\n", 42],
    ["number", "1e3", 1000],
    ["number", "9007199254740991", 9_007_199_254_740_991],
    ["number", "1.50", 1.5],
    ["number", "0.1", 0.1],
    ["boolean", "true", true],
    ["boolean", " false\n", false],
    ["json", `{"a":["${secret}",1,{"b":true}]}`, { a: [secret, 1, { b: true }] }],
    ["json", `"${secret}"`, secret],
    ["json", ` [1.5, "12345678901234567890"] `, [1.5, "12345678901234567890"]],
  ])("%s %j", (type, text, json) => {
    expect(outcome(text, type)).toEqual(json);
  });

  test.each<[ValueType, string]>([
    ["number", secret],
    ["number", "0123"],
    ["number", "+1"],
    ["number", "1_000"],
    ["number", "0x10"],
    ["number", "Infinity"],
    ["number", "NaN"],
    ["number", "1e999"],
    ["number", "1e-999"],
    ["number", "12345678901234567890"],
    ["number", "9007199254740993"],
    ["number", "0.12345678901234567890"],
    ["number", "1.0000000000000000000001"],
    ["number", "1 2"],
    ["boolean", "yes"],
    ["boolean", "True"],
    ["boolean", "1"],
    ["json", secret],
    ["json", `{"a":"${secret}"`],
    ["json", `{a: ${secret}}`],
    ["json", `{"a":null,"b":"${secret}"}`],
    ["json", `["${secret}",[null]]`],
    ["json", `{"a":12345678901234567890}`],
    ["json", `["\\"", 1e999]`],
    ["json", `{"__proto__":{"a":"${secret}"}}`],
    ["json", `${"[".repeat(100)}1${"]".repeat(100)}`],
    ["json", "[".repeat(100_000)],
  ])("%s refuses %.60j", (type, text) => {
    expect(outcome(text, type)).toBe("hold: typeClash");
  });

  test.each([
    ['{"a":"\\u007b\\u007b .Values }}"}', "unsafeValue"],
    ['{"a":["{\\u007b"]}', "unsafeValue"],
    ['{"\\u007b{":"x"}', "unsafeValue"],
    ['"\\u0000"', "unsafeValue"],
    ['"\\ud800"', "unsafeValue"],
    ['""', "empty"],
    ['" "', "empty"],
    ['"changeme"', "empty"],
    ["{}", "empty"],
    ["[]", "empty"],
  ])("an escape in JSON hides nothing: %s is %s", (text, reason) => {
    expect(outcome(text, "json")).toBe(`hold: ${reason}`);
  });

  test("property: JSON that is written is what the store says", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const written = write(text, "json", true);
        const isSo =
          written.kind === "json"
            ? jsonEquals(written.json, JSON.parse(text) as Json)
            : ["typeClash", "unsafeValue"].includes(written.hold.reason);
        expect(isSo).toBe(true);
      }),
    );
  });

  test("property: a number that is written prints the same digits", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        expect(outcome(String(number).replace("e+", "e"), "number")).toBe(number + 0);
      }),
    );
  });
});
