// oxlint-disable typescript/no-base-to-string, typescript/no-unnecessary-template-expression, typescript/no-unnecessary-type-conversion -- what such a slip would show is what is tested here
import { format, inspect } from "node:util";
import { deserialize, serialize } from "node:v8";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Sealed, SecretValue } from "../../../src/core/secretValue.ts";
import { createLog } from "../../../src/log.ts";
import { canary } from "../../support/canary.ts";

const secret = canary("sealed");
const hidden: readonly (readonly [string, object])[] = [
  ["SecretValue", SecretValue.fromText(secret)],
  ["Sealed text", new Sealed(secret)],
  ["Sealed object", new Sealed({ config: { password: secret } })],
  ["Sealed of sealed", new Sealed([SecretValue.fromText(secret)])],
];

/** Every form of `text` that may show up somewhere. */
function expectNoTrace(shown: unknown): void {
  const bytes = [
    secret,
    Buffer.from(secret).toString("base64"),
    Buffer.from(secret).toString("hex"),
    [...Buffer.from(secret)].join(","),
  ];
  for (const form of bytes) expect(String(shown)).not.toContain(form);
}

describe.each(hidden)("%s shows nothing", (_, value) => {
  const error = Object.assign(new Error("failed"), { value, cause: value });

  test.each<[string, () => unknown]>([
    ["as text", () => `${value as unknown as string}`],
    ["joined", () => [value, value].join()],
    ["added to a text", () => "" + (value as unknown as string)],
    ["toLocaleString", () => value.toLocaleString()],
    ["as a number", () => Number(value)],
    ["as a key", () => Object.keys({ [value as unknown as string]: 1 }).join()],
    ["as JSON", () => JSON.stringify({ value, list: [value] }, undefined, 2)],
    ["inspected", () => inspect({ value }, { depth: 20, showHidden: true, getters: true })],
    [
      "inspected without our own form",
      () => inspect(value, { customInspect: false, depth: 20, showHidden: true, getters: true, showProxy: true }),
    ],
    ["formatted", () => format("%s %d %i %f %j %o %O %c", value, value, value, value, value, value, value, value)],
    ["in an error", () => inspect(error, { depth: 20 }) + JSON.stringify(error) + String(error.stack)],
    ["spread", () => inspect({ ...value }) + inspect(Object.assign({}, value)) + inspect(Object.entries(value))],
    ["cloned", () => inspect(structuredClone(value), { depth: 20, showHidden: true })],
    ["serialised", () => serialize(value).toString("latin1") + inspect(deserialize(serialize(value)), { depth: 20 })],
    ["its properties", () => inspect(Reflect.ownKeys(value)) + JSON.stringify(Object.getOwnPropertyDescriptors(value))],
    ["logged", () => logged({ value })],
  ])("%s", (_form, show) => {
    expectNoTrace(show());
  });
});

/** What pino writes, even where the type of a field is got round. */
function logged(fields: object): string {
  const lines: string[] = [];
  const log = createLog("debug", { write: (line: string) => void lines.push(line) });
  log.child(fields as never).error("a message", fields as never);
  expect(lines).toHaveLength(1);
  return lines.join("");
}

test("it prints as a constant, so that not even the length is to be seen", () => {
  const forms = ["x", "y".repeat(100)].map(
    (text) => `${SecretValue.fromText(text).toString()} ${inspect(new Sealed(text))}`,
  );
  expect(new Set(forms)).toEqual(new Set(["[secret] [secret]"]));
});

describe("SecretValue", () => {
  test("gives back the text and the bytes that went in", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const value = SecretValue.fromBytes(bytes);
        expect(value.revealBytes()).toEqual(Buffer.from(bytes));
        expect(value.byteLength).toBe(bytes.length);
        expect(value.equals(SecretValue.fromBase64(Buffer.from(bytes).toString("base64")))).toBe(true);
        expect(value.isText).toBe(Buffer.from(value.reveal()).equals(bytes));
      }),
    );
  });

  test("owns its bytes: neither what went in nor what came out is tied to it", () => {
    const bytes = Buffer.from(secret);
    const value = SecretValue.fromBytes(bytes);
    bytes.fill(0);
    value.revealBytes().fill(0);
    expect(value.reveal()).toBe(secret);
  });

  test.each([
    ["a", "a", true],
    ["a", "b", false],
    ["a", "aa", false],
    ["", "", true],
    ["", "a", false],
    ["ä", "a\u0308", false],
  ])("%j equals %j: %s", (left, right, expected) => {
    expect(SecretValue.fromText(left).equals(SecretValue.fromText(right))).toBe(expected);
  });
});

test("Sealed gives back just what went in", () => {
  const content = { a: 1 };
  expect(new Sealed(content).open()).toBe(content);
});
