import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isJsonObject, type Json, type JsonObject, jsonEquals } from "../../../src/core/json.ts";
import { planOverlay, type Wish } from "../../../src/core/overlay.ts";
import { formatValuePath, getAt, overlaps, type ValuePath } from "../../../src/core/valuePath.ts";
import { mergeValues, withoutPaths } from "../../../src/core/values.ts";
import { canary } from "../../support/canary.ts";
import { pathOf } from "../../support/revision.ts";

function wish(path: string, json: Json): Wish {
  return { path: pathOf(path), json };
}

const secret = canary("overlay");

describe("planOverlay", () => {
  test.each<[string, JsonObject, JsonObject, Wish[], JsonObject, string[]]>([
    ["sets what is new", {}, {}, [wish("a.b", secret)], { a: { b: secret } }, ["a.b"]],
    ["sets what differs", { a: { b: "old", c: 1 } }, {}, [wish("a.b", secret)], { a: { b: secret } }, ["a.b"]],
    ["sends what is there already, unchanged", { a: secret }, {}, [wish("a", secret)], { a: secret }, []],
    ["writes down what only a default says", {}, { a: secret }, [wish("a", secret)], { a: secret }, ["a"]],
    ["a dot in a key is no separator", {}, {}, [wish(String.raw`a\.b`, secret)], { "a.b": secret }, ["a\\.b"]],
    ["tells a number from its text", { a: 5 }, {}, [wish("a", "5")], { a: "5" }, ["a"]],
    ["null counts as absent", { a: null }, {}, [wish("a.b", secret)], { a: { b: secret } }, ["a.b"]],
    ["a default map is not sent along", {}, { a: { b: 1 } }, [wish("a.c", secret)], { a: { c: secret } }, ["a.c"]],
    ["an empty map gives way", { a: {} }, {}, [wish("a", secret)], { a: secret }, ["a"]],
    ["a map over a scalar is silent in helm", { a: 1 }, {}, [wish("a", { b: secret })], { a: { b: secret } }, ["a"]],
    ["a wished map that is there is unchanged", { a: { b: 1, c: 2 } }, {}, [wish("a", { c: 2 })], { a: { c: 2 } }, []],
  ])("%s", (_, config, defaults, wishes, overlay, changed) => {
    const plan = planOverlay(config, defaults, wishes);
    expect(plan.overlay).toEqual(overlay);
    expect(plan.changed.map(formatValuePath)).toEqual(changed);
    expect(plan.holds).toEqual([]);
    expect(plan.expected).toEqual(mergeValues(config, overlay));
  });

  test("a list is sent whole, with what the user or the chart put beside", () => {
    const env = [{ name: "A", value: "1" }, { name: "B", value: "old" }, "plain"];
    const wishes = [wish("app.env[1].value", secret)];
    const overlay = { app: { env: [{ name: "A", value: "1" }, { name: "B", value: secret }, "plain"] } };
    expect(planOverlay({ app: { env, x: 1 } }, {}, wishes).overlay).toEqual(overlay);
    expect(planOverlay({}, { app: { env, x: 1 } }, wishes).overlay).toEqual(overlay);
  });

  test("several wishes in one list, and one that lengthens it", () => {
    const plan = planOverlay({ l: ["a", { k: "b", more: 1 }] }, {}, [
      wish("l[0]", "x"),
      wish("l[1].k", "y"),
      wish("l[2]", "z"),
    ]);
    expect(plan.overlay).toEqual({ l: ["x", { k: "y", more: 1 }, "z"] });
    expect(plan.holds).toEqual([]);
  });

  test("a wished map inside a list leaves its neighbours, as it does elsewhere", () => {
    const plan = planOverlay({ l: [{ map: { kept: 1, set: "old" } }] }, {}, [wish("l[0].map", { set: secret })]);
    expect(plan.expected).toEqual({ l: [{ map: { kept: 1, set: secret } }] });
  });

  test.each<[string, JsonObject, Wish, string]>([
    ["through a scalar", { a: "x" }, wish("a.b", secret), "a scalar at `a`, where the path wants a map"],
    ["through a list by name", { a: [1] }, wish("a.b", secret), "a list at `a`, where the path wants a map"],
    ["a map by index", { a: { b: 1 } }, wish("a[0]", secret), "a map at `a`, where the path wants a list"],
    ["a list that is not there", {}, wish("a[0]", secret), "nothing at `a`, where the path wants a list"],
    ["beyond a list's end", { a: ["x"] }, wish("a[2]", secret), "has 1 items; index 2 would leave a gap"],
    ["a scalar over a map", { a: { b: secret } }, wish("a", "x"), "a map at `a`, which this value would replace"],
    ["a list over a map", { a: { b: secret } }, wish("a", ["x"]), "a map at `a`, which this value would replace"],
    ["a scalar over a map further inside", { a: { b: { c: secret } } }, wish("a", { b: "x" }), "at `a` or inside it"],
    ["deep through a scalar", { a: { b: true } }, wish("a.b.c.d", secret), "a scalar at `a.b`"],
  ])("holds %s, in the user's values as in the chart's", (_, values, one, message) => {
    for (const plan of [planOverlay(values, {}, [one]), planOverlay({}, values, [one])]) {
      expect(plan.holds).toEqual([expect.objectContaining({ reason: "typeClash", where: formatValuePath(one.path) })]);
      expect(plan.holds[0]?.message).toContain(message);
      expect(JSON.stringify(plan.holds)).not.toContain(secret);
      expect(plan.overlay).toEqual({});
      expect(plan.changed).toEqual([]);
    }
  });

  test("one clash does not stop the others from being looked at", () => {
    const plan = planOverlay({ a: "x" }, {}, [wish("a.b", secret), wish("c", secret)]);
    expect(plan.holds).toHaveLength(1);
    expect(plan.overlay).toEqual({ c: secret });
  });
});

const segment = fc.constantFrom<string | number>("a", "b", "c.d", 0, 1);
const path: fc.Arbitrary<ValuePath> = fc
  .tuple(fc.constantFrom("a", "b", "c"), fc.array(segment, { maxLength: 3 }))
  .map(([first, rest]) => [first, ...rest]);
const scalar = fc.oneof(fc.string(), fc.integer(), fc.boolean());
const { tree } = fc.letrec<{ tree: Json }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    scalar,
    fc.array(tie("tree"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "c.d"), tie("tree"), { maxKeys: 3 }),
  ),
}));
const values = fc.dictionary(fc.constantFrom("a", "b", "c"), tree, { maxKeys: 3 }) as fc.Arbitrary<JsonObject>;
const wishes = fc
  .array(fc.record({ path, json: fc.oneof(scalar, tree) }), { minLength: 1, maxLength: 4 })
  .map((list) =>
    list.filter((one, index) => !list.slice(0, index).some((earlier) => overlaps(earlier.path, one.path))),
  );

describe("laws", () => {
  test("what was applied is wanted no more: the next plan changes nothing", () => {
    fc.assert(
      fc.property(values, values, wishes, (config, defaults, list) => {
        const plan = planOverlay(config, defaults, list);
        fc.pre(plan.holds.length === 0);
        // After --reuse-values Helm keeps the older values among the defaults.
        const next = planOverlay(plan.expected, mergeValues(defaults, config), list);
        expect(next.holds).toEqual([]);
        expect(next.changed).toEqual([]);
        expect(jsonEquals(next.expected, plan.expected)).toBe(true);
      }),
    );
  });

  test("every wish is there afterwards, and nothing else has moved", () => {
    fc.assert(
      fc.property(values, values, wishes, (config, defaults, list) => {
        const plan = planOverlay(config, defaults, list);
        const taken = list.filter((one) => !plan.holds.some(({ where }) => where === formatValuePath(one.path)));
        for (const one of taken) expect(contains(getAt(plan.expected, one.path), one.json)).toBe(true);
        const paths = taken.map((one) => one.path);
        const effective = mergeValues(defaults, config);
        const after = mergeValues(effective, plan.overlay);
        for (const leaf of leaves(withoutPaths(effective, paths), [])) {
          if (paths.some((one) => overlaps(one, leaf))) continue;
          expect(getAt(after, leaf)).toEqual(getAt(effective, leaf));
        }
      }),
    );
  });

  test("the overlay names mapped paths only, or the lists that hold them", () => {
    fc.assert(
      fc.property(values, values, wishes, (config, defaults, list) => {
        for (const leaf of leaves(planOverlay(config, defaults, list).overlay, [])) {
          const named = leaf.slice(
            0,
            [...leaf, 0].findIndex((one) => typeof one === "number"),
          );
          expect(list.some((one) => overlaps(one.path, named))).toBe(true);
        }
      }),
    );
  });
});

/** A wished map is merged, so it is only contained in what is there. */
function contains(present: Json | undefined, wished: Json): boolean {
  if (isJsonObject(present) && isJsonObject(wished)) return jsonEquals(mergeValues(present, wished), present);
  return jsonEquals(present, wished);
}

function* leaves(value: Json, at: ValuePath): Generator<ValuePath> {
  if (typeof value !== "object" || value === null) {
    yield at;
    return;
  }
  const isList = Array.isArray(value);
  for (const [key, child] of Object.entries(value)) yield* leaves(child, [...at, isList ? Number(key) : key]);
}
