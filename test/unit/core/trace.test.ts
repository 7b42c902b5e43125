import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sameAround, traceIn } from "../../../src/core/trace.ts";
import { canary } from "../../support/canary.ts";

const needle = `${canary("trace")}/+ä&<b>'!* "\\`;
const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("finds the needle", () => {
  test.each<[string, string, "whole" | "part"]>([
    ["as the text itself", needle, "whole"],
    ["as the text in base64", base64(needle), "whole"],
    ["inside a text", `password=${needle};`, "part"],
    ["with a newline behind it", `${needle}\n`, "part"],
    ["URL-encoded by JavaScript", `postgres://u:${encodeURIComponent(needle)}@db`, "part"],
    ["URL-encoded by Go", `q=${new URLSearchParams({ q: needle }).toString().slice(2).replaceAll("*", "%2A")}`, "part"],
    ["in JSON", JSON.stringify({ auths: { password: needle } }), "part"],
    [
      "in JSON by Go",
      JSON.stringify({ a: needle })
        .replaceAll("&", String.raw`\u0026`)
        .replaceAll("<", String.raw`\u003c`)
        .replaceAll(">", String.raw`\u003e`),
      "part",
    ],
    ["in base64 of base64 of a text", base64(needle.slice(0, 6) + needle), "part"],
  ])("%s", (_, text, form) => {
    expect(traceIn(text, needle)).toBe(form);
  });

  test("in base64, whatever stands before and behind it", () => {
    const unit = fc.constantFrom(...Array.from('aZ09 /+:%\n"\\ä€🔑\0\u007f'));
    const texts = fc.string({ unit, maxLength: 9 });
    const needles = fc.string({ unit, minLength: 6, maxLength: 20 });
    fc.assert(
      fc.property(texts, needles, texts, (before, one, behind) => {
        const text = base64(before + one + behind);
        expect(traceIn(text, one)).toBeDefined();
        expect(traceIn(`{"auth":"${text}"}`, one)).toBe("part");
      }),
      { numRuns: 300 },
    );
  });

  test.each([0, 1, 2, 3, 4, 5])("at alignment %i of base64, padded or not", (shift) => {
    const text = base64(`${"x".repeat(shift)}${needle}`);
    expect(traceIn(`Basic ${text}`, needle)).toBe("part");
    expect(traceIn(`Basic ${text.replaceAll("=", "")}`, needle)).toBe("part");
    expect(traceIn(`Basic ${base64(`${"x".repeat(shift)}${needle}y`)}`, needle)).toBe("part");
  });
});

describe("finds nothing that is not there", () => {
  test.each([
    ["nothing in nothing", "", ""],
    ["an empty needle", "text", ""],
    ["a part of the needle", needle.slice(0, -1), needle],
    ["another case", needle.toUpperCase(), needle],
    ["a hash", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", needle],
    ["a short needle in base64", base64("xabcdex"), "abcde"],
  ])("%s", (_, text, one) => {
    expect(traceIn(text, one)).toBeUndefined();
  });

  test("a random word in unrelated text, plain or in base64", () => {
    const letters = fc.string({
      unit: fc.constantFrom(...Array.from("abcdefghijklmnop")),
      minLength: 12,
      maxLength: 30,
    });
    const others = fc.string({ unit: fc.constantFrom(...Array.from("qrstuvwxyz0123456789 :/@-_")), maxLength: 300 });
    fc.assert(
      fc.property(letters, others, others, (one, text, more) => {
        expect(traceIn(text, one)).toBeUndefined();
        expect(traceIn(base64(text + more), one)).toBeUndefined();
        expect(traceIn(encodeURIComponent(text), one)).toBeUndefined();
      }),
    );
  });
});

describe("sameAround: is only the needle another?", () => {
  test.each<[boolean, string, string]>([
    [true, needle, "anything"],
    [true, base64(needle), "anything"],
    [true, `pw=${needle};`, "pw=other;"],
    [true, `pw=${needle};`, "pw=;"],
    [true, `a ${needle} b ${encodeURIComponent(needle)} c`, "a x b y c"],
    [true, JSON.stringify({ a: needle, b: 1 }), JSON.stringify({ a: "x", b: 1 })],
    [true, "no needle", "no needle"],
    [false, "no needle", "another"],
    [false, `pw=${needle};`, "pw=other;more"],
    [false, `pw=${needle};`, "pwd=other;"],
    [false, `a ${needle} b ${needle} c`, "a x c"],
    [false, `aa${needle}aa`, "aaa"],
    [false, base64(`user:${needle}`), base64("user:other")],
  ])("%s for %j and %j", (expected, text, other) => {
    expect(sameAround(text, [needle, "unused"], other)).toBe(expected);
  });

  test("property: another value in the same place is the same around, another letter around is not", () => {
    const letters = fc.string({ unit: fc.constantFrom(...Array.from("abc=; ")), maxLength: 20 });
    fc.assert(
      fc.property(letters, letters, fc.string(), (before, behind, value) => {
        expect(sameAround(`${before}${needle}${behind}`, [needle], `${before}${value}${behind}`)).toBe(true);
        expect(sameAround(`${before}${needle}${behind}`, [needle], `!${before}${value}${behind}`)).toBe(before === "");
      }),
    );
  });
});
