import type { Json } from "../../core/json.ts";
import type { SecretValue } from "../../core/secretValue.ts";
import { HelmwardenError } from "../../errors.ts";
import type { StoreWriter } from "../../ports.ts";
import { type Current, createKvEdits } from "./kvEdits.ts";
import type { KvClient } from "./kvClient.ts";
import { decodedValue, encodedKeys } from "./markers.ts";
import { createVaultReplace } from "./vaultReplace.ts";

const ATTEMPTS = 5;

/**
 * Writes into one KV mount. KV 2: by compare-and-set, again from a fresh reading where somebody else was faster. KV 1
 * has none, and no metadata: it is read, written and read again, and takes text only.
 */
export function createVaultWriter(
  kv: KvClient,
  mount: string,
  subject: string,
  discover: (signal: AbortSignal) => Promise<1 | 2>,
): StoreWriter {
  let known: 1 | 2 | undefined;
  const versionOf = async (signal: AbortSignal): Promise<1 | 2> => (known ??= await discover(signal));
  const edits = createKvEdits(kv, mount, subject);
  const contended = (path: string): HelmwardenError => contention(subject, `${mount}/${path}`);

  return {
    replace: createVaultReplace({ edits, mount, versionOf, requireWritable, contended }),
    async create(path, secrets, signal) {
      const version = await versionOf(signal);
      requireText(version, secrets, mount);
      const ours = new Set<string>();
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        const current = await edits.read(version, path, signal);
        const results = compare(current, secrets, ours);
        const missing = [...secrets].filter(([key]) => !results.has(key));
        if (missing.length === 0)
          return new Map([...secrets.keys()].map((key) => [key, results.get(key) ?? "created"]));
        requireWritable(version, current, mount, path);
        const binary = missing.filter(([, value]) => !value.isText).map(([key]) => key);
        if (binary.length > 0) {
          await edits.mark(path, current.metadata, new Set([...encodedKeys(current.metadata), ...binary]), signal);
        }
        for (const [key] of missing) ours.add(key);
        const added = missing.map(([key, value]): [string, Json] => [key, textOf(value)]);
        await edits.put(version, path, { ...current.secrets, ...Object.fromEntries(added) }, current.version, signal);
      }
      throw contended(path);
    },
    async remove(path, secrets, signal) {
      const version = await versionOf(signal);
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        const current = await edits.read(version, path, signal);
        const results = removals(current, secrets);
        const going = new Set([...results].flatMap(([key, result]) => (result === "removed" ? [key] : [])));
        // Emptied by a removal that died before it could drop the path.
        const isEmptied = secrets.size === 0 && Object.keys(current.secrets).length === 0;
        if (going.size === 0 && !isEmptied) return results;
        const rest = Object.fromEntries(Object.entries(current.secrets).filter(([key]) => !going.has(key)));
        const isLast = Object.keys(rest).length === 0;
        // KV 2: written first, as a delete does not compare. KV 1 takes no empty secret.
        const isOurs = (version === 1 && isLast) || (await edits.put(version, path, rest, current.version, signal));
        if (!isOurs) continue;
        const marked = encodedKeys(current.metadata);
        const left = [...marked].filter((key) => !isEmptied && !going.has(key));
        // Before the path is dropped, so that who dies in between comes back to it.
        if (left.length < marked.size) await edits.mark(path, current.metadata, new Set(left), signal);
        if (isLast) await edits.drop(version, path, signal);
        return results;
      }
      throw contended(path);
    },
  };
}

/** What is known of each key; left out: it is not there. What this call put there itself counts as created. */
function compare(
  { secrets, metadata }: Current,
  wanted: ReadonlyMap<string, SecretValue>,
  ours: ReadonlySet<string>,
): Map<string, "created" | "equal" | "conflict"> {
  const encoded = encodedKeys(metadata);
  return new Map(
    [...wanted].flatMap(([key, value]) => {
      const held = Object.hasOwn(secrets, key) ? secrets[key] : undefined;
      if (held === undefined) return [];
      const isEqual = typeof held === "string" && decodedValue(held, encoded.has(key)).equals(value);
      return [[key, isEqual ? (ours.has(key) ? "created" : "equal") : "conflict"] as const];
    }),
  );
}

function removals(current: Current, secrets: ReadonlyMap<string, SecretValue>) {
  const held = compare(current, secrets, new Set());
  return new Map(
    [...secrets.keys()].map((key) => {
      const found = held.get(key);
      return [key, found === "equal" ? "removed" : found === undefined ? "absent" : "conflict"] as const;
    }),
  );
}

function textOf(value: SecretValue): string {
  return value.isText ? value.reveal() : value.revealBytes().toString("base64");
}

function requireText(version: 1 | 2, secrets: ReadonlyMap<string, SecretValue>, mount: string): void {
  const binary = [...secrets].find(([, value]) => !value.isText);
  if (version === 2 || binary === undefined) return;
  throw new HelmwardenError(
    "StoreInvalid",
    `The key ${binary[0]} is not text, and ${mount} is KV version 1, which has no metadata to mark it in. Import into a KV 2 mount.`,
  );
}

/** KV 1 keeps numbers that JavaScript rounds: what is beside our keys must come back as it is. */
function requireWritable(version: 1 | 2, { secrets }: Current, mount: string, path: string): void {
  if (version === 2 || Object.values(secrets).every((value) => typeof value === "string")) return;
  throw new HelmwardenError(
    "StoreInvalid",
    `${mount}/${path} holds something else than text already. Write to another path.`,
  );
}

function contention(subject: string, shown: string): HelmwardenError {
  return new HelmwardenError("StoreUnavailable", `Others keep writing ${shown} in ${subject}. Try again later.`);
}
