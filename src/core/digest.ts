import { createHmac, createSecretKey, type KeyObject } from "node:crypto";
import type { SecretValue } from "./secretValue.ts";

/** Keyed HMAC of a value, 16 hex characters per 8 bytes; never a plain hash, from which short secrets are guessed. */
export type Digest = string & { readonly __brand: "Digest" };

/** Equal to no digest: for a record of a subject whose values were never settled. */
export const NO_DIGEST = "" as Digest;

/** 32 random bytes, one per installation. Compare digests only where they were made with the same key. */
export type DigestKey = Uint8Array & { readonly __brand: "DigestKey" };

/** HMAC-SHA256 of the value's bytes, cut to 16 bytes, as 32 hex characters. */
export function digestOf(key: DigestKey, value: SecretValue): Digest {
  return hmac(key, "value", value.revealBytes());
}

/** Digest of named digests, whatever their order: identity of a whole set of wanted values. */
export function digestOfSet(key: DigestKey, parts: ReadonlyMap<string, Digest>): Digest {
  const lines = [...parts].map(([name, digest]) => JSON.stringify([name, digest])).sort();
  return hmac(key, "set", Buffer.from(lines.join("\n")));
}

/** What people see: enough to tell two apart. */
export function shortDigest(digest: Digest): string {
  return digest.slice(0, 8);
}

/** Made once of each key: node makes one at every digest otherwise, which takes four times as long. */
const keys = new WeakMap<DigestKey, KeyObject>();

function keyObjectOf(key: DigestKey): KeyObject {
  const known = keys.get(key);
  if (known !== undefined) return known;
  const made = createSecretKey(key);
  keys.set(key, made);
  return made;
}

function hmac(key: DigestKey, purpose: "value" | "set", bytes: Uint8Array): Digest {
  const mac = createHmac("sha256", keyObjectOf(key)).update(`${purpose}\0`).update(bytes).digest();
  return mac.subarray(0, 16).toString("hex") as Digest;
}
