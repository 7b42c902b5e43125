import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Json, type JsonObject, jsonEquals } from "../../../src/core/json.ts";
import { mergeValues, shapeOf, withoutPaths } from "../../../src/core/values.ts";
import { pathOf } from "../../support/revision.ts";

const values = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.jsonValue(), {
  maxKeys: 3,
}) as fc.Arbitrary<JsonObject>;

describe("mergeValues, as Helm coalesces user values over older ones", () => {
  test.each<[string, JsonObject, JsonObject, JsonObject]>([
    ["maps are merged", { a: { b: 1, c: 2 } }, { a: { c: 3 } }, { a: { b: 1, c: 3 } }],
    ["lists are replaced whole", { a: [1, 2, 3] }, { a: [9] }, { a: [9] }],
    ["a scalar gives way to a map", { a: "x" }, { a: { b: 1 } }, { a: { b: 1 } }],
    ["a list gives way to a map", { a: [1] }, { a: { b: 1 } }, { a: { b: 1 } }],
    ["a map gives way to a scalar", { a: { b: 1 } }, { a: "x" }, { a: "x" }],
    ["an empty map takes nothing away", { a: { b: 1 } }, { a: {} }, { a: { b: 1 } }],
    ["null is kept", { a: { b: 1 } }, { a: null }, { a: null }],
    ["inherited names are no values", {}, { toString: { x: 1 } }, { toString: { x: 1 } }],
  ])("%s", (_, under, over, merged) => {
    expect(mergeValues(under, over)).toEqual(merged);
  });

  test("laws: nothing is neutral, once is as good as twice, the inputs stay", () => {
    fc.assert(
      fc.property(values, values, (under, over) => {
        const copies = structuredClone([under, over]);
        const merged = mergeValues(under, over);
        expect(jsonEquals(mergeValues(merged, over), merged)).toBe(true);
        expect(jsonEquals(mergeValues({}, over), over)).toBe(true);
        expect(jsonEquals(mergeValues(under, {}), under)).toBe(true);
        expect(jsonEquals([under, over], copies)).toBe(true);
        expect(Object.keys(merged).sort()).toEqual([...new Set([...Object.keys(under), ...Object.keys(over)])].sort());
      }),
    );
  });
});

test.each<[Json | undefined, string]>([
  [undefined, "nothing"],
  [null, "nothing"],
  [[], "a list"],
  [{}, "a map"],
  ["", "a scalar"],
  [0, "a scalar"],
  [false, "a scalar"],
])("shapeOf(%j) is %s", (value, shape) => {
  expect(shapeOf(value)).toBe(shape);
});

describe("withoutPaths", () => {
  test("is the same before and after a change at the paths, and tells any other change", () => {
    const paths = ["db.password", "env[1].value", "absent.key"].map(pathOf);
    const before = { db: { password: "a", user: "u" }, env: [{ name: "x" }, { name: "y", value: "a" }] };
    const after = { db: { password: "b", user: "u" }, env: [{ name: "x" }, { name: "y", value: "b" }] };
    expect(withoutPaths(before, paths)).toEqual(withoutPaths(after, paths));
    expect(withoutPaths(before, paths)).toEqual({
      db: { password: null, user: "u" },
      env: [{ name: "x" }, { name: "y", value: null }],
    });
    expect(withoutPaths({ ...before, more: 1 }, paths)).not.toEqual(withoutPaths(before, paths));
  });
});
