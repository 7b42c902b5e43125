import { randomBytes, randomInt, randomUUID } from "node:crypto";
import type { Generator } from "../core/rotation/policy.ts";
import { wordpressKeys } from "../core/rotation/wordpressKeys.ts";
import { SecretValue } from "../core/secretValue.ts";
import { renderTemplate } from "../core/template.ts";
import { HelmwardenError } from "../errors.ts";
import type { Generate } from "../ports.ts";
import { makeKeyPair } from "./keyPair.ts";
import { makePassword } from "./password.ts";

type Generated = Awaited<ReturnType<Generate>>;

/** Bytes of a shared key, by RFC 7518 section 3.2: as long as the hash. */
const JWT_BYTES = { HS256: 32, HS384: 48, HS512: 64 } as const;

const SALT_LENGTH = 64;
/** 86 characters: none that ends a PHP string or begins something in a shell or a chart's template. */
const SALT_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#%&()*+,-./:;<=>?@[]^_|~";

/** Makes new values with node:crypto. `key` is where the value goes; it matters for WordPress' salts only. */
export function createGenerate(): Generate {
  return async (generator, key) => await generate(generator, key);
}

async function generate(generator: Generator, key: string): Promise<Generated> {
  switch (generator.kind) {
    case "hex":
    case "base64":
    case "base64url":
      return alone(randomBytes(generator.bytes).toString(generator.kind));
    case "password":
      return alone(makePassword(generator));
    case "uuid":
      return alone(randomUUID());
    case "jwtSecret":
      return alone(randomBytes(JWT_BYTES[generator.algorithm]).toString("base64url"));
    case "rsa":
    case "ed25519": {
      const { privateKey, publicKey } = await makeKeyPair(generator);
      const beside = generator.publicKey === undefined ? [] : [[generator.publicKey, publicKey] as const];
      return { value: SecretValue.fromText(privateKey), beside: new Map(beside.map(secretly)) };
    }
    case "wordpressSalts":
      return salts(key);
    case "template": {
      const parts = [...generator.parts].map(
        async ([name, part]) => [name, (await generate(part, key)).value] as const,
      );
      return { value: renderTemplate(generator.template, new Map(await Promise.all(parts))), beside: new Map() };
    }
  }
}

function alone(text: string): Generated {
  return { value: SecretValue.fromText(text), beside: new Map() };
}

function secretly([key, text]: readonly [string, string]): [string, SecretValue] {
  return [key, SecretValue.fromText(text)];
}

function salts(key: string): Generated {
  const keys = wordpressKeys(key);
  if (keys === undefined) {
    const message =
      "WordPress' salts go to keys such as AUTH_KEY and NONCE_SALT: name one of them in the RotationPolicy.";
    throw new HelmwardenError("ConfigInvalid", message);
  }
  const others = keys.filter((other) => other !== key);
  return { ...alone(makeSalt()), beside: new Map(others.map((other) => secretly([other, makeSalt()]))) };
}

function makeSalt(): string {
  return Array.from({ length: SALT_LENGTH }, () => SALT_CHARACTERS[randomInt(SALT_CHARACTERS.length)]).join("");
}
