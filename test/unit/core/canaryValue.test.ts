import { randomBytes } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canaryFor, canaryNeedles } from "../../../src/core/canaryValue.ts";
import type { Json } from "../../../src/core/json.ts";
import { canary } from "../../support/canary.ts";

describe("a text that is long enough", () => {
  const wanted = `${canary("shape")}_Ab9!`;

  test("keeps its length and the kind of each character, and nothing of its letters", () => {
    const stand = canaryFor(wanted, randomBytes, false) as string;
    expect(shape(stand)).toBe(shape(wanted));
    expect(stand).not.toBe(wanted);
    expect(stand).not.toContain("hwcanary");
    expect(canaryFor(wanted, randomBytes, true)).not.toBe(stand);
  });

  test.each(["postgres://app:Secret12@db:5432/app", "550e8400-e29b-41d4-a716-446655440000", "12345678901234"])(
    "%s is long enough",
    (text) => {
      expect(canaryFor(text, randomBytes, false)).toHaveLength(text.length);
    },
  );
});

describe("a text that is too short to be told from chance", () => {
  test.each(["abc", "", "!?%&/()=!?%&/()=", "🔑🔑🔑🔑🔑🔑🔑", "11-charac-x!"])("%j becomes a longer word", (text) => {
    expect(canaryFor(text, randomBytes, false)).toMatch(/^[a-z]{16}$/);
  });

  test("keeps its shape where the chart refuses the longer word", () => {
    expect(canaryFor("Ab1-", randomBytes, true)).toMatch(/^[A-Z][a-z]\d-$/);
  });
});

describe("other JSON", () => {
  test("a number becomes another of six digits, which templates print as they are", () => {
    for (const wanted of [0, 5, 123_456_789, 0.5]) {
      const stand = canaryFor(wanted, randomBytes, false) as number;
      expect(String(stand)).toMatch(/^1\d{5}$/);
    }
    expect(canaryFor(-7, randomBytes, false)).toBeLessThanOrEqual(-100_000);
  });

  test("booleans have too few values to be followed", () => {
    expect(canaryFor(true, randomBytes, false)).toBe(true);
    expect(canaryNeedles(true)).toEqual([]);
  });

  test("maps and lists keep their form; each text and number in them is a needle", () => {
    const stand = canaryFor({ a: [canary("list"), 7, false], b: { c: canary("map") } }, randomBytes, false);
    expect(stand).toMatchObject({
      a: [expect.any(String), expect.any(Number), false],
      b: { c: expect.any(String) as string },
    });
    expect(canaryNeedles(stand)).toHaveLength(3);
  });

  test("property: the form stays, and no needle is a text of the original", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), (wanted) => {
        const stand = canaryFor(wanted as Json, randomBytes, false);
        expect(formOf(stand)).toEqual(formOf(wanted as Json));
        for (const needle of canaryNeedles(stand)) expect(needle.length).toBeGreaterThanOrEqual(6);
      }),
    );
  });
});

function formOf(json: Json): unknown {
  if (typeof json !== "object" || json === null) return json === null ? null : typeof json;
  if (Array.isArray(json)) return json.map(formOf);
  return Object.fromEntries(Object.entries(json).map(([key, item]) => [key, formOf(item)]));
}

/** `Ab9-` becomes `Aa9-`. */
function shape(text: string): string {
  return text.replaceAll(/[a-z]/g, "a").replaceAll(/[A-Z]/g, "A").replaceAll(/\d/g, "9");
}
