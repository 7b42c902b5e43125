import { createHmac, createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PasswordSpec } from "../../../src/core/rotation/password.ts";
import type { Generator } from "../../../src/core/rotation/policy.ts";
import { parseTemplate } from "../../../src/core/template.ts";
import { createGenerate } from "../../../src/generators/createGenerate.ts";
import { makePassword } from "../../../src/generators/password.ts";

const generate = createGenerate();

async function textOf(generator: Generator, key = "KEY"): Promise<string> {
  return (await generate(generator, key)).value.reveal();
}

async function pairOf(generator: Generator): Promise<{ value: string; publicKey: string }> {
  const { value, beside } = await generate(generator, "KEY");
  expect([...beside.keys()]).toEqual(["PUBLIC"]);
  return { value: value.reveal(), publicKey: beside.get("PUBLIC")!.reveal() };
}

const ALPHANUMERIC: PasswordSpec = {
  kind: "password",
  length: 32,
  classes: { lower: 1, upper: 1, digit: 1 },
  symbols: "-._~",
  exclude: "",
};

/** Pearson's statistic of counts that should be equal, over its expectation. */
function unevenness(counts: readonly number[]): number {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0) / (counts.length - 1);
}

function countsOf(items: readonly string[]): number[] {
  return [...Map.groupBy(items, (item) => item).values()].map(({ length }) => length);
}

describe("texts", () => {
  test.each([
    [{ kind: "hex", bytes: 32 }, /^[0-9a-f]{64}$/],
    [{ kind: "base64", bytes: 32 }, /^[A-Za-z0-9+/]{43}=$/],
    [{ kind: "base64url", bytes: 33 }, /^[\w-]{44}$/],
    [{ kind: "uuid" }, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/],
    [{ kind: "jwtSecret", algorithm: "HS256" }, /^[\w-]{43}$/],
    [{ kind: "jwtSecret", algorithm: "HS384" }, /^[\w-]{64}$/],
    [{ kind: "jwtSecret", algorithm: "HS512" }, /^[\w-]{86}$/],
    [ALPHANUMERIC, /^[A-Za-z0-9]{32}$/],
  ] as const)("%o", async (generator, shape) => {
    const values = await Promise.all(Array.from({ length: 50 }, () => textOf(generator)));
    for (const value of values) expect(value).toMatch(shape);
    expect(new Set(values).size).toBe(50);
    expect((await generate(generator, "KEY")).beside.size).toBe(0);
  });

  test("a template puts its parts together, each new", async () => {
    const template = parseTemplate("hw_${id}.${key|upper}");
    if ("error" in template) throw new Error(template.error);
    const parts = new Map<string, Generator>([
      ["id", { kind: "uuid" }],
      ["key", { kind: "hex", bytes: 16 }],
    ]);
    const [first, second] = [
      await textOf({ kind: "template", template, parts }),
      await textOf({ kind: "template", template, parts }),
    ];
    expect(first).toMatch(/^hw_[0-9a-f-]{36}\.[0-9A-F]{32}$/);
    expect(second).not.toBe(first);
  });

  test("the value is masked wherever it is shown", async () => {
    expect(JSON.stringify(await generate({ kind: "uuid" }, "KEY"))).toBe('{"value":"[secret]","beside":{}}');
  });
});

describe("passwords", { timeout: 30_000 }, () => {
  test("every character is equally probable where every one is allowed", () => {
    const spec: PasswordSpec = { ...ALPHANUMERIC, classes: { lower: 0, upper: 0, digit: 0 } };
    const characters = Array.from({ length: 1000 }, () => makePassword(spec).split("")).flat();
    const counts = countsOf(characters);
    expect(counts).toHaveLength(62);
    // 61 degrees of freedom: the statistic is above 2 once in some hundred thousand runs; `byte % 62` gives about 4.
    expect(unevenness(counts)).toBeLessThan(2);
  });

  test("every password that fits is equally probable, not only every character", () => {
    // Of ten characters in two classes: 10^3 less those without a digit or without a letter.
    const spec: PasswordSpec = {
      kind: "password",
      length: 3,
      classes: { lower: 1, digit: 1 },
      symbols: "",
      exclude: "fghijklmnopqrstuvwxyz56789",
    };
    const fitting = 10 ** 3 - 5 ** 3 - 5 ** 3;
    const counts = countsOf(Array.from({ length: 20 * fitting }, () => makePassword(spec)));
    expect(counts).toHaveLength(fitting);
    expect(unevenness(counts)).toBeGreaterThan(0.7);
    expect(unevenness(counts)).toBeLessThan(1.35);
  });

  test("minimums, exclusions and length hold, and no password begins with a symbol that need not", () => {
    const least = fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined });
    const specs = fc.record({
      kind: fc.constant("password" as const),
      length: fc.integer({ min: 12, max: 40 }),
      classes: fc.record({ upper: least, digit: least, symbol: least }).map((given) => ({
        lower: 1,
        ...Object.fromEntries(Object.entries(given).filter(([, count]) => count !== undefined)),
      })),
      symbols: fc.constantFrom("-._~", "!#%+"),
      exclude: fc.constantFrom("", "0O1lI", "-._", "abcxyz"),
    });
    const shapes = { lower: /[a-z]/g, upper: /[A-Z]/g, digit: /\d/g, symbol: /[^A-Za-z0-9]/g };
    fc.assert(
      fc.property(specs, (spec: PasswordSpec) => {
        const password = makePassword(spec);
        expect(password).toHaveLength(spec.length);
        expect(password[0]).toMatch(/[A-Za-z0-9]/);
        for (const character of spec.exclude) expect(password).not.toContain(character);
        for (const [name, shape] of Object.entries(shapes)) {
          const count = password.match(shape)?.length ?? 0;
          const wanted = spec.classes[name as keyof typeof shapes];
          expect(wanted === undefined ? count === 0 : count >= wanted).toBe(true);
        }
      }),
    );
  });

  test("minimums that chance would hardly ever meet are met at once", () => {
    const spec: PasswordSpec = { ...ALPHANUMERIC, classes: { lower: 2, digit: 30 } };
    expect(makePassword(spec).replaceAll(/\D/g, "")).toHaveLength(30);
    expect(makePassword({ ...ALPHANUMERIC, length: 256 })).toHaveLength(256);
    expect(makePassword({ ...ALPHANUMERIC, classes: { symbol: 8 }, symbols: "!#%&()*+,-", length: 8 })).toHaveLength(8);
  });

  test("what no password can be is refused", () => {
    const impossible: PasswordSpec = { ...ALPHANUMERIC, length: 2 };
    expect(() => makePassword(impossible)).toThrow("asks for at least 3 characters of its classes");
  });
});

describe("key pairs", { timeout: 30_000 }, () => {
  const message = Buffer.from("signed by the private part");

  test.each([
    { kind: "rsa", bits: 2048, format: "pem", publicKey: "PUBLIC" },
    { kind: "ed25519", format: "pem", publicKey: "PUBLIC" },
  ] as const)("$kind as PEM: what one part signs, the other verifies", async (generator) => {
    const { value, publicKey } = await pairOf(generator);
    expect(value).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    expect(publicKey).toMatch(/^-----BEGIN PUBLIC KEY-----\n/);
    const hash = generator.kind === "rsa" ? "sha256" : null;
    const signature = sign(hash, message, value);
    expect(verify(hash, message, publicKey, signature)).toBe(true);
    expect(verify(hash, Buffer.from("something else"), publicKey, signature)).toBe(false);
  });

  test.each([
    { kind: "rsa", bits: 2048, format: "jwk", publicKey: "PUBLIC" },
    { kind: "ed25519", format: "jwk", publicKey: "PUBLIC" },
  ] as const)(
    "$kind as JWK: the same, with one kid on both parts and nothing private in the public one",
    async (generator) => {
      const { value, publicKey } = await pairOf(generator);
      const [own, others] = [JSON.parse(value), JSON.parse(publicKey)] as Record<string, string>[];
      const hash = generator.kind === "rsa" ? "sha256" : null;
      const signature = sign(hash, message, createPrivateKey({ key: own!, format: "jwk" }));
      expect(verify(hash, message, createPublicKey({ key: others!, format: "jwk" }), signature)).toBe(true);
      expect(own!["kid"]).toMatch(/^[\w-]{43}$/);
      expect(others).toMatchObject({ kid: own!["kid"], use: "sig", alg: generator.kind === "rsa" ? "RS256" : "EdDSA" });
      const members = generator.kind === "rsa" ? ["kty", "n", "e"] : ["crv", "x", "kty"];
      expect(Object.keys(others!).sort()).toEqual([...members, "kid", "use", "alg"].sort());
    },
  );

  test("without a key for it, the public part goes nowhere", async () => {
    const { beside } = await generate({ kind: "ed25519", format: "pem", publicKey: undefined }, "KEY");
    expect(beside.size).toBe(0);
  });
});

describe("WordPress' salts", () => {
  const names = [
    "AUTH_KEY",
    "AUTH_SALT",
    "SECURE_AUTH_KEY",
    "SECURE_AUTH_SALT",
    "LOGGED_IN_KEY",
    "LOGGED_IN_SALT",
    "NONCE_KEY",
    "NONCE_SALT",
  ];

  test.each(["", "WORDPRESS_"])("all eight at once, whichever is the policy's own (%j)", async (prefix) => {
    for (const name of names) {
      const { value, beside } = await generate({ kind: "wordpressSalts" }, prefix + name);
      const all = [value, ...beside.values()].map((one) => one.reveal());
      expect([prefix + name, ...beside.keys()].sort()).toEqual(names.map((one) => prefix + one).sort());
      expect(new Set(all).size).toBe(8);
      for (const salt of all) expect(salt).toMatch(/^[^'"\\$`{}\s]{64}$/);
    }
  });

  test("another key is refused", async () => {
    await expect(generate({ kind: "wordpressSalts" }, "PASSWORD")).rejects.toMatchObject({ code: "ConfigInvalid" });
  });
});

test("a shared key signs tokens of its algorithm", async () => {
  const key = Buffer.from(await textOf({ kind: "jwtSecret", algorithm: "HS512" }), "base64url");
  expect(key).toHaveLength(64);
  expect(createHmac("sha512", key).update("a").digest()).toHaveLength(64);
});
