import type { Json } from "../../core/json.ts";
import type { SecretValue } from "../../core/secretValue.ts";
import { HelmwardenError } from "../../errors.ts";
import type { StoreWriter } from "../../ports.ts";
import { type HeldKey, type KeyChanges, pendingChanges } from "../keyChanges.ts";
import type { Current, KvEdits } from "./kvEdits.ts";
import { decodedValue, encodedKeys } from "./markers.ts";

const ATTEMPTS = 5;

export interface Replacing {
  readonly edits: KvEdits;
  readonly mount: string;
  readonly versionOf: (signal: AbortSignal) => Promise<1 | 2>;
  /** Throws where what is beside our keys would not come back as it is. */
  readonly requireWritable: (version: 1 | 2, current: Current, mount: string, path: string) => void;
  readonly contended: (path: string) => HelmwardenError;
}

/** See StoreWriter.replace. KV 1 has no compare-and-set: it is read, written, and read again. */
export function createVaultReplace(parts: Replacing): StoreWriter["replace"] {
  const { edits, mount } = parts;
  return async (path, changes, signal) => {
    const version = await parts.versionOf(signal);
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const current = await edits.read(version, path, signal);
      const pending = pendingChanges(changes, (key) => heldIn(current, key));
      if (pending === "moved") return "moved";
      if (pending.size === 0) return "written";
      requireText(pending);
      parts.requireWritable(version, current, mount, path);
      const wanted = changed(current, pending);
      // KV 1 takes no empty secret.
      if (version === 1 && Object.keys(wanted).length === 0) await edits.drop(version, path, signal);
      else if ((await edits.put(version, path, wanted, current.version, signal)) && version === 2) return "written";
    }
    throw parts.contended(path);
  };
}

function heldIn({ secrets, metadata }: Current, key: string): HeldKey {
  if (!Object.hasOwn(secrets, key)) return "absent";
  const held = secrets[key];
  return typeof held === "string" ? decodedValue(held, encodedKeys(metadata).has(key)) : "other";
}

/** All keys of the path. A key that is marked as encoded stays so: the mark is not written in the same step. */
function changed({ secrets, metadata }: Current, pending: KeyChanges): Record<string, Json> {
  const encoded = encodedKeys(metadata);
  const kept = Object.entries(secrets).filter(([key]) => !pending.has(key));
  const added = [...pending].flatMap(([key, { to }]) =>
    to === undefined ? [] : [[key, encoded.has(key) ? base64Of(to) : to.reveal()] as const],
  );
  return Object.fromEntries([...kept, ...added]);
}

function base64Of(value: SecretValue): string {
  return value.revealBytes().toString("base64");
}

function requireText(pending: KeyChanges): void {
  const binary = [...pending].find(([, { to }]) => to?.isText === false);
  if (binary === undefined) return;
  throw new HelmwardenError(
    "StoreInvalid",
    `The new value of the key ${binary[0]} is not text, which Vault does not hold. Choose another generator.`,
  );
}
