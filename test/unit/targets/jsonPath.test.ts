import { describe, expect, test } from "vitest";
import { parseJsonPath, valueAt } from "../../../src/targets/jsonPath.ts";

const json = { data: { key: "k", "odd.name": "o", list: [{ id: 1 }, { id: 2 }] }, "it's": "q", __proto: "p" };

describe("a JSONPath to one place", () => {
  test.each([
    ["$", json],
    ["$.data.key", "k"],
    ["$.data['odd.name']", "o"],
    ['$["data"]["odd.name"]', "o"],
    ["$.data.list[1].id", 2],
    ["$['it\\'s']", "q"],
    ["$.data.list[2].id", undefined],
    ["$.data.key.length", undefined],
    ["$.constructor", undefined],
    ["$.data.list.length", undefined],
  ])("%s", (text, found) => {
    const path = parseJsonPath(text);
    expect(path).toBeDefined();
    expect(valueAt(json, path!)).toEqual(found);
  });

  test.each([
    "",
    "data",
    "$data",
    "$.",
    "$..key",
    "$.*",
    "$[*]",
    "$[-1]",
    "$[0:2]",
    "$[?(@.a)]",
    "$.a[",
    "$.a['b]",
    "$.a b",
  ])("%s is none", (text) => {
    expect(parseJsonPath(text)).toBeUndefined();
  });
});
