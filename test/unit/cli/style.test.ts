import { stripVTControlCharacters } from "node:util";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cut, styleFor, table, wrap } from "../../../src/cli/style.ts";

test("colours only where they are wanted", () => {
  expect(styleFor(false)("bad", "text")).toBe("text");
  expect(styleFor(true)("bad", "text")).toBe("\u001B[31mtext\u001B[39m");
  for (const tone of ["good", "bad", "warn", "faint", "strong"] as const) {
    expect(stripVTControlCharacters(styleFor(true)(tone, "text"))).toBe("text");
  }
});

describe("wrap", () => {
  test("breaks between words, behind the indent", () => {
    expect(wrap("one two three four", 12, "  ")).toBe("  one two\n  three four");
    expect(wrap("", 12, "  ")).toBe("  ");
    expect(wrap("a-word-that-is-too-long for it", 12, "  ")).toBe("  a-word-that-is-too-long\n  for it");
  });

  test("colours take no room", () => {
    const red = styleFor(true)("bad", "three");
    expect(wrap(`one two ${red}`, 13, "")).toBe(`one two ${red}`);
  });

  test("property: no line is wider than it may be, but for a single word, and no word is lost", () => {
    const word = fc.string({ unit: fc.constantFrom("a", "b", "-"), minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), fc.integer({ min: 1, max: 40 }), (words, width) => {
        const lines = wrap(words.join(" "), width, "  ").split("\n");
        for (const line of lines) expect(line.length <= width || !line.trimStart().includes(" ")).toBe(true);
        expect(lines.map((line) => line.slice(2)).join(" ")).toBe(words.join(" "));
      }),
    );
  });
});

describe("table", () => {
  test("columns are as wide as their widest cell, whatever the colours", () => {
    const red = styleFor(true)("bad", "b");
    expect(
      table([
        ["name", "age"],
        ["a", red],
        ["long name", "1"],
      ]),
    ).toBe(`name       age\na          ${red}\nlong name  1`);
    expect(table([])).toBe("");
  });

  test("the first column gives way where the room is short", () => {
    const rows = table(
      [
        ["x".repeat(60), "y".repeat(20)],
        ["short", "z"],
      ],
      60,
    ).split("\n");
    expect(rows[0]).toBe(`${"x".repeat(37)}…  ${"y".repeat(20)}`);
    expect(rows[1]).toBe(`short${" ".repeat(35)}z`);
  });
});

test("cut", () => {
  expect([cut("four", 4), cut("fiver", 4), cut("", 1)]).toEqual(["four", "fiv…", ""]);
});
