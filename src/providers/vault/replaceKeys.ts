import type { Json } from "../../core/json.ts";
import type { SecretValue } from "../../core/secretValue.ts";
import { HelmwardenError } from "../../errors.ts";
import type { KeyChange } from "../../ports.ts";
import type { Current, KvEdits } from "./kvEdits.ts";
import { decodedValue, encodedKeys } from "./markers.ts";

const ATTEMPTS = 5;

/**
 * Changes keys of one path together, where each still is what it was. KV 2: one compare-and-set, again from a fresh
 * reading where somebody changed another key meanwhile. KV 1 has none: it is read, written and read again.
 */
export async function replaceKeys(
  edits: KvEdits,
  version: 1 | 2,
  path: string,
  changes: ReadonlyMap<string, KeyChange>,
  shown: string,
  signal: AbortSignal,
): Promise<"written" | "moved"> {
  requireText(changes, shown);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const current = await edits.read(version, path, signal);
    requireUnmarked(current, changes, shown);
    const held = [...changes].map(([key, change]) => ({ change, held: heldAt(current, key) }));
    if (held.every((one) => isSame(one.held, one.change.to))) return "written";
    if (!held.every((one) => isSame(one.held, one.change.from) || isSame(one.held, one.change.to))) return "moved";
    const isDone = await edits.put(version, path, applied(current, changes), current.version, signal);
    // KV 1 tells nothing of a race: the next round looks at what is there.
    if (isDone && version === 2) return "written";
  }
  throw new HelmwardenError("StoreUnavailable", `Others keep writing ${shown}. Try again later.`);
}

function applied({ secrets }: Current, changes: ReadonlyMap<string, KeyChange>): Record<string, Json> {
  const kept = Object.entries(secrets).filter(([key]) => !changes.has(key));
  const put = [...changes].flatMap(([key, { to }]): [string, Json][] => (to === undefined ? [] : [[key, to.reveal()]]));
  return Object.fromEntries([...kept, ...put]);
}

/** `other`: something is there that is no text of ours. */
function heldAt({ secrets, metadata }: Current, key: string): SecretValue | "absent" | "other" {
  const held = Object.hasOwn(secrets, key) ? secrets[key] : undefined;
  if (held === undefined) return "absent";
  return typeof held === "string" ? decodedValue(held, encodedKeys(metadata).has(key)) : "other";
}

function isSame(held: SecretValue | "absent" | "other", wanted: SecretValue | undefined): boolean {
  if (held === "other") return false;
  if (held === "absent" || wanted === undefined) return held === "absent" && wanted === undefined;
  return held.equals(wanted);
}

/** A rotation makes text; bytes would need a marker that compare-and-set does not cover. */
function requireText(changes: ReadonlyMap<string, KeyChange>, shown: string): void {
  const binary = [...changes].find(([, { to }]) => to !== undefined && !to.isText);
  if (binary === undefined) return;
  throw new HelmwardenError("StoreInvalid", `The key ${binary[0]} of ${shown} is not text: only text can be replaced.`);
}

/** What a migration encoded is read decoded: text in its place would come out damaged. */
function requireUnmarked({ metadata }: Current, changes: ReadonlyMap<string, KeyChange>, shown: string): void {
  const marked = [...changes.keys()].find((key) => encodedKeys(metadata).has(key));
  if (marked === undefined) return;
  throw new HelmwardenError(
    "StoreInvalid",
    `The key ${marked} of ${shown} holds encoded bytes: only text can be replaced.`,
  );
}
