import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { type Literal, stripValues } from "../../../src/config/stripValues.ts";
import { parseValuePath, type ValuePath } from "../../../src/core/valuePath.ts";
import { canary } from "../../support/canary.ts";

const secret = canary("literal");
const literal = (path: string, text = secret): Literal => ({
  path: parseValuePath(path) as ValuePath,
  isIt: (found) => found === text,
});
const strip = (text: string, ...paths: readonly string[]) =>
  stripValues(
    "values.yaml",
    text.replaceAll("S3CRET", secret),
    paths.map((path) => literal(path)),
  );

test("only the literal goes: comments, order and spelling of the rest stay", () => {
  const { text, paths, left } = strip(
    `# how our shop is set up
replicaCount:   2   # two
database:
  # never print this
  password: "S3CRET"   # changed in May
  host: 'db'  # quoted for a reason
  user: app
ingress: {enabled: true,   host: "x.example"}

list:
  - password: S3CRET
    name: a
  - name: b
    password: S3CRET
  - {name: c, password: S3CRET}
  - {password: S3CRET, name: d}
# the end
`,
    "database.password",
    "list[0].password",
    "list[1].password",
    "list[2].password",
    "list[3].password",
  );
  expect(left).toEqual([]);
  expect(paths).toHaveLength(5);
  expect(text).toBe(`# how our shop is set up
replicaCount:   2   # two
database:
  # never print this
  # changed in May
  host: 'db'  # quoted for a reason
  user: app
ingress: {enabled: true,   host: "x.example"}

list:
  - name: a
  - name: b
  - {name: c}
  - {name: d}
# the end
`);
});

test("a map that loses all becomes {}, not null, which would take the chart's defaults away", () => {
  const text = `auth:
  password: S3CRET # why
  token: S3CRET
flow: { a: S3CRET, b: S3CRET }
- not here
`.replace("- not here\n", "other:\n  block: |-\n    S3CRET\nlast: S3CRET");
  const stripped = strip(text, "auth.password", "auth.token", "flow.a", "flow.b", "other.block", "last");
  expect(stripped.left).toEqual([]);
  expect(stripped.text).toBe("auth:\n  {} # why\nflow: {}\nother:\n  {}\n");
  expect(parse(stripped.text)).toEqual({ auth: {}, flow: {}, other: {} });
  expect(strip("a: S3CRET\nb: S3CRET\n", "a", "b").text).toBe("");
});

test("what cannot be cut, or is another value, stays, and why is said without it", () => {
  const { text, left } = strip(
    `other: something else
anchored: &pw S3CRET
again: *pw
items: [S3CRET]
commented: # first
  S3CRET
`,
    "other",
    "anchored",
    "again",
    "items[0]",
    "commented",
    "absent",
  );
  expect(text).toContain(secret);
  expect(left.map(({ path, why }) => `${path}: ${why}`)).toEqual([
    "other: it is another value than what was migrated",
    "anchored: other places of the file refer to it (an anchor)",
    "again: it is no plain text",
    "items[0]: it is an item of a list, and without it the others would move",
    "commented: a comment stands before its value",
  ]);
});

test("lines that end as on Windows, and a number", () => {
  expect(strip("a: 1\r\nb: S3CRET\r\nc: 3\r\n", "b").text).toBe("a: 1\r\nc: 3\r\n");
  expect(stripValues("v", "pin: 0123456789\nx: 1\n", [literal("pin", "0123456789")]).text).toBe("x: 1\n");
});

test.each(["a: [", "a: 1\n---\nb: 2\n", "- a\n"])("%j is no values file", (text) => {
  expect(() => strip(text, "a")).toThrow(/is not one YAML document/);
});

test("whatever is cut out of whatever file, the rest is as it was", () => {
  const scalar = fc.oneof(fc.constant(secret), fc.string(), fc.integer(), fc.boolean());
  const { tree } = fc.letrec<{ tree: { [key: string]: unknown }; node: unknown }>((tie) => ({
    tree: fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), tie("node"), { maxKeys: 4, noNullPrototype: true }),
    node: fc.oneof({ maxDepth: 4 }, scalar, tie("tree"), fc.array(tie("node"), { maxLength: 3 })),
  }));
  const options = fc.record({
    collectionStyle: fc.constantFrom("any" as const, "flow" as const, "block" as const),
    indent: fc.constantFrom(2, 4),
  });
  fc.assert(
    fc.property(tree, options, (values, how) => {
      const text = stringify(values, how);
      const { text: after, left, paths } = stripValues("v", text, [...literalsOf(values, [])]);
      const items = left.filter(({ why }) => why.includes("item of a list")).length;
      expect(left).toHaveLength(items);
      expect(after.split(secret).length - 1).toBe(text.split(secret).length - 1 - paths.length);
      expect(after === text).toBe(paths.length === 0);
    }),
    { numRuns: 300 },
  );
});

function* literalsOf(value: unknown, path: ValuePath): Generator<Literal> {
  if (value === secret) yield { path, isIt: (text) => text === secret };
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    yield* literalsOf(inner, [...path, Array.isArray(value) ? Number(key) : key]);
  }
}
