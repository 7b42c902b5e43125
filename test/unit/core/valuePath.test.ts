import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isJsonObject, jsonEquals, type Json, type JsonObject } from "../../../src/core/json.ts";
import {
  formatValuePath,
  getAt,
  overlaps,
  parseValuePath,
  setAt,
  type ValuePath,
} from "../../../src/core/valuePath.ts";

const characters = Array.from("ab0.,=[]\\{}-_ '\"$/@\u00f6\u{1f511}");
const name = fc
  .string({ unit: fc.constantFrom(...characters), minLength: 1, maxLength: 8 })
  .filter((text) => !["__proto__", "constructor", "prototype"].includes(text));
const tricky = fc.constantFrom("a.b", "x,y", "k=v", "[0]", "a\\", "\\", "d-e", " ", "🔑", "0", "a]b", "'", '"', "{}");
const key = fc.oneof(name, tricky);
const paths: fc.Arbitrary<ValuePath> = fc
  .tuple(key, fc.array(fc.oneof(key, fc.nat(5)), { maxLength: 5 }))
  .map(([first, rest]) => [first, ...rest]);
const values = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.jsonValue()) as fc.Arbitrary<JsonObject>;
const shortPaths: fc.Arbitrary<ValuePath> = fc
  .tuple(fc.constantFrom("a", "b"), fc.array(fc.constantFrom<string | number>("a", "b", 0, 1), { maxLength: 3 }))
  .map(([first, rest]) => [first, ...rest]);

describe("parseValuePath", () => {
  test.each<[string, ValuePath]>([
    ["a", ["a"]],
    ["a.b", ["a", "b"]],
    [String.raw`a.b\.c[0].d-e`, ["a", "b.c", 0, "d-e"]],
    ["a[0][1]", ["a", 0, 1]],
    [String.raw`a\,b`, ["a,b"]],
    [String.raw`a\=b`, ["a=b"]],
    [String.raw`a\[0\]`, ["a[0]"]],
    [String.raw`a\\.b`, ["a\\", "b"]],
    ["a]b", ["a]b"]],
    ["a[65535]", ["a", 65_535]],
    ["global.0", ["global", "0"]],
    ["nodeSelector.kubernetes\\.io/role", ["nodeSelector", "kubernetes.io/role"]],
  ])("reads %s", (text, path) => {
    expect(parseValuePath(text)).toEqual(path);
  });

  test.each([
    ["", "segment 1 is empty"],
    [".a", "segment 1 is empty"],
    ["a.", "segment 2 is empty"],
    ["a..b", "segment 2 is empty"],
    ["[0]", "segment 1 is empty"],
    ["a.[0]", "segment 2 is empty"],
    ["a.__proto__.b", "segment 2 is a reserved name"],
    ["a.constructor", "segment 2 is a reserved name"],
    [String.raw`a.proto\type`, "segment 2 is a reserved name"],
    ["a[65536]", "a list index is at most 65535"],
    [`a[${"9".repeat(400)}]`, "a list index is at most 65535"],
    ["a[-1]", "a list index is digits"],
    ["a[01]", "a list index is digits"],
    ["a[]", "a list index is digits"],
    ["a[0", "a list index is digits"],
    ["a[0]b", "after a list index"],
    ["a=b", "for a comma or an equals sign"],
    ["a,b", "for a comma or an equals sign"],
    ["a\\", "a backslash stands before"],
    ["a\nb", "no control characters"],
  ])("refuses %j", (text, error) => {
    expect(parseValuePath(text)).toEqual({ error: expect.stringContaining(error) as string });
  });

  test("gives back what formatValuePath wrote", () => {
    fc.assert(
      fc.property(paths, (path) => {
        expect(parseValuePath(formatValuePath(path))).toEqual(path);
      }),
    );
  });

  test("never throws, and what it reads formats to an equal path", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("a", ".", "[", "]", "0", "\\", ",", "=") }), (text) => {
        const path = parseValuePath(text);
        if ("error" in path) return;
        expect(parseValuePath(formatValuePath(path))).toEqual(path);
      }),
    );
  });
});

describe("getAt and setAt", () => {
  test("what was set is read, nothing else moved, and the original stays", () => {
    fc.assert(
      fc.property(values, shortPaths, fc.jsonValue(), (before, path, added) => {
        fc.pre(canSet(before, path));
        const value = added as Json;
        const copy = structuredClone(before);
        const after = setAt(before, path, value);
        expect(getAt(after, path)).toBe(value);
        expect(jsonEquals(before, copy)).toBe(true);
        for (const other of ["a", "b", "c"].filter((top) => top !== path[0])) expect(after[other]).toBe(before[other]);
        expect(jsonEquals(setAt(after, path, value), after)).toBe(true);
      }),
    );
  });

  test("setting through an obstacle throws", () => {
    fc.assert(
      fc.property(values, shortPaths, (before, path) => {
        fc.pre(!canSet(before, path));
        expect(() => setAt(before, path, "x")).toThrow(expect.objectContaining({ code: "Internal" }));
      }),
    );
  });

  test("setting what is there changes nothing", () => {
    fc.assert(
      fc.property(values, shortPaths, (before, path) => {
        const value = getAt(before, path);
        fc.pre(value !== undefined);
        expect(jsonEquals(setAt(before, path, value), before)).toBe(true);
      }),
    );
  });

  test("independent paths commute", () => {
    fc.assert(
      fc.property(shortPaths, shortPaths, (left, right) => {
        fc.pre(!overlaps(left, right));
        const one = setAt(setAt({}, left, 1), right, 2);
        const other = setAt(setAt({}, right, 2), left, 1);
        expect(jsonEquals(one, other)).toBe(true);
      }),
    );
  });

  test("inherited properties are not there", () => {
    expect(getAt({}, ["toString"])).toBeUndefined();
    expect(getAt(JSON.parse('{"a":{}}') as JsonObject, ["a", "hasOwnProperty"])).toBeUndefined();
    expect(getAt({ a: ["x"] }, ["a", "length"])).toBeUndefined();
    expect(getAt({ a: ["x"] }, ["a", "0"])).toBeUndefined();
    expect(getAt({ a: { 0: "x" } }, ["a", 0])).toBeUndefined();
  });

  test("lists are filled up with null, as Helm does", () => {
    expect(setAt({}, ["a", 2, "b"], "x")).toEqual({ a: [null, null, { b: "x" }] });
  });

  test.each<[ValuePath]>([[["scalar", "b"]], [["scalar", 0]], [["list", "b"]], [["map", 0]], [["map", "deep", "x"]]])(
    "%j cannot be set: something is in the way",
    (path) => {
      const before = { scalar: "s", list: [], map: { deep: 1 } };
      expect(() => setAt(before, path, "x")).toThrow(expect.objectContaining({ code: "Internal" }));
    },
  );

  test.each<[ValuePath]>([[["map"]], [["none", "b", 0]], [["absent", "b"]], [["list", 7, "x"]]])(
    "%j can be set",
    (path) => {
      expect(getAt(setAt({ list: [], map: { deep: 1 }, none: null }, path, "x"), path)).toBe("x");
    },
  );
});

function canSet(before: JsonObject, path: ValuePath): boolean {
  return path.slice(1).every((segment, index) => {
    const at = getAt(before, path.slice(0, index + 1)) ?? null;
    return at === null || (typeof segment === "number" ? Array.isArray(at) : isJsonObject(at));
  });
}

test.each<[ValuePath, ValuePath, boolean]>([
  [["a"], ["a"], true],
  [["a"], ["a", "b"], true],
  [["a", 0], ["a", "b"], true],
  [["a", 0], ["a", 1], false],
  [["a", "b"], ["a", "c"], false],
  [["a"], ["ab"], false],
])("overlaps(%j, %j) is %s both ways", (left, right, expected) => {
  expect(overlaps(left, right)).toBe(expected);
  expect(overlaps(right, left)).toBe(expected);
});
