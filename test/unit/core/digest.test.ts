import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Digest, type DigestKey, digestOf, digestOfSet, shortDigest } from "../../../src/core/digest.ts";
import { SecretValue } from "../../../src/core/secretValue.ts";
import { canary } from "../../support/canary.ts";

const one = Buffer.alloc(32, 1) as Uint8Array as DigestKey;
const other = Buffer.alloc(32, 2) as Uint8Array as DigestKey;
const value = SecretValue.fromText(canary("digest"));

test("32 hex characters, the same for the same key and bytes, another for another key", () => {
  expect(digestOf(one, value)).toMatch(/^[0-9a-f]{32}$/);
  expect(digestOf(one, SecretValue.fromText(value.reveal()))).toBe(digestOf(one, value));
  expect(digestOf(other, value)).not.toBe(digestOf(one, value));
  expect(shortDigest(digestOf(one, value))).toBe(digestOf(one, value).slice(0, 8));
});

test("is no plain hash: without the key nothing can be guessed", async () => {
  const { createHash, createHmac } = await import("node:crypto");
  const text = value.reveal();
  const plain = [createHash("sha256").update(text).digest("hex"), createHmac("sha256", "").update(text).digest("hex")];
  for (const hash of plain) expect(hash).not.toContain(digestOf(one, value));
});

test("works on bytes: what is not UTF-8 differs, too", () => {
  const digests = [[0xff], [0xfe], [0xef, 0xbf, 0xbd]].map((bytes) =>
    digestOf(one, SecretValue.fromBytes(Uint8Array.from(bytes))),
  );
  expect(new Set(digests).size).toBe(3);
});

test("a value that spells out a set has not the set's digest", () => {
  const digest = digestOf(one, value);
  const spelled = SecretValue.fromText(JSON.stringify(["a", digest]));
  expect(digestOf(one, spelled)).not.toBe(digestOfSet(one, new Map([["a", digest]])));
});

const sets = fc.array(
  fc.tuple(
    fc.string(),
    fc.string().map((text) => text as Digest),
  ),
  { maxLength: 6 },
);

test("the digest of a set does not depend on its order, and on all else", () => {
  fc.assert(
    fc.property(sets, sets, (left, right) => {
      const [first, second] = [new Map(left), new Map(right)];
      expect(digestOfSet(one, new Map([...first].toReversed()))).toBe(digestOfSet(one, first));
      const isSame = first.size === second.size && [...first].every(([name, digest]) => second.get(name) === digest);
      expect(digestOfSet(one, first) === digestOfSet(one, second)).toBe(isSame);
    }),
  );
});
