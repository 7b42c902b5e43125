import { inspect } from "node:util";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isScalar, parseAllDocuments, Scalar, visit } from "yaml";
import { HelmwardenError } from "../../../src/errors.ts";
import { CANARY, canary } from "../../support/canary.ts";
import { tryParse, WHOLE } from "./documents.ts";

/** Something else at the place of one of the values (not keys) of the whole configuration, counted in order. */
interface Change {
  readonly at: number;
  readonly to: unknown;
  readonly style?: Scalar.Type;
}

function withChange(change: Change): string {
  const documents = parseAllDocuments(WHOLE);
  let count = 0;
  for (const document of documents) {
    visit(document, {
      Scalar(place) {
        if (place === "key") return undefined;
        count += 1;
        if (count !== change.at + 1) return undefined;
        const node = document.createNode(change.to);
        if (isScalar(node) && change.style !== undefined) node.type = change.style;
        return node;
      },
    });
  }
  return documents.map(String).join("");
}

/** Where in the text each of the values (not keys) of the whole configuration stands. */
function placesOfValues(): readonly (readonly [from: number, to: number])[] {
  const places: [number, number][] = [];
  for (const document of parseAllDocuments(WHOLE)) {
    visit(document, {
      Scalar(place, { range }) {
        if (place !== "key" && range) places.push([range[0], range[1]]);
      },
    });
  }
  return places;
}

/** Whether the text was refused, after a search of the error for canaries in all that can be seen of it. */
function expectSilent(text: string): boolean {
  const result = tryParse(text);
  if (!(result instanceof HelmwardenError)) return false;
  const seen = `${result.message}\n${result.stack}\n${JSON.stringify(result)}\n${inspect(result, { depth: 9 })}`;
  expect(seen).not.toContain(CANARY);
  return true;
}

const disguises: fc.Arbitrary<string> = fc
  .constantFrom(
    (secret: string) => secret,
    (secret: string) => `\${${secret}}`,
    (secret: string) => `\${password|${secret}}`,
    (secret: string) => `https://user:${secret}@host`,
    (secret: string) => `/${secret}/`,
    (secret: string) => `-${secret}`,
    (secret: string) => `a.${secret}..b[${secret}]`,
    (secret: string) => `${secret}\n${secret}`,
    (secret: string) => secret.repeat(60),
    (secret: string) => `oci:/${secret}`,
  )
  .map((disguise) => disguise(canary("config")));

const styles = fc.constantFrom(Scalar.PLAIN, Scalar.QUOTE_DOUBLE, Scalar.QUOTE_SINGLE, Scalar.BLOCK_LITERAL);

describe("no error of the loader quotes", { timeout: 30_000 }, () => {
  const places = placesOfValues();
  const count = places.length;
  const withJson = (at: number, to: unknown): string => {
    const [from, end] = places[at]!;
    return WHOLE.slice(0, from) + JSON.stringify(to) + WHOLE.slice(end);
  };

  test("a secret that stands where any value belongs", () => {
    let refused = 0;
    for (let at = 0; at < count; at += 1) {
      for (const to of fc.sample(disguises, { numRuns: 2, seed: at }))
        refused += Number(expectSilent(withJson(at, to)));
    }
    expect(refused).toBeGreaterThan(count);
  });

  test("a map, a list or a key with a secret in it", () => {
    const secret = canary("key");
    let refused = 0;
    for (let at = 0; at < count; at += 1) {
      for (const to of [{ [secret]: secret }, [secret], { from: { [secret]: secret } }]) {
        refused += Number(expectSilent(withJson(at, to)));
      }
    }
    expect(refused).toBeGreaterThan(2 * count);
    expect(expectSilent(`${secret}: ${secret}\n`)).toBe(true);
    expect(expectSilent(`kind: ReleaseSync\n${secret}: 1\nspec: { ${secret}: { ${secret}: 1 } }\n`)).toBe(true);
  });

  test("a secret in text that is no YAML any more", () => {
    let refused = 0;
    fc.assert(
      fc.property(
        fc.nat({ max: count - 1 }),
        disguises,
        styles,
        fc.integer({ min: -20, max: 40 }),
        fc.constantFrom('"', "'", "{", "[", ": ", "\t", "*", "&x ", "!t ", "|\n", "\n- ", "\n", "%", "@", "}"),
        (at, to, style, where, noise) => {
          const text = withChange({ at, to, style });
          const near = text.indexOf(CANARY) + where;
          refused += Number(expectSilent(text.slice(0, near) + noise + text.slice(near)));
        },
      ),
      { numRuns: 80 },
    );
    expect(refused).toBeGreaterThan(50);
  });

  test("though the YAML library itself would", () => {
    const text = `a: "${canary("words")}`;
    expect(String(parseAllDocuments(text)[0]?.errors[0]?.message)).toContain(CANARY);
    expect(expectSilent(text)).toBe(true);
  });
});
