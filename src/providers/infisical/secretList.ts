import type { PathReading, StoredSecret } from "../../ports.ts";
import { decodedValue } from "./encoding.ts";
import type { Item, SecretList } from "./schema.ts";

const HIDDEN = "<hidden-by-infisical>";

/** Absolute, with single slashes and none at its end; the root is `/`. Infisical echoes a path as it was spelt. */
export function normalPath(path: string): string {
  return `/${path.split("/").filter(Boolean).join("/")}`;
}

/**
 * One folder's own secrets, and below them what it imports: of several imports with the same key the last one wins,
 * as in Infisical itself (its SDK lets the first one win).
 */
export function mergeFolder(list: SecretList): PathReading {
  const secrets = new Map<string, StoredSecret>();
  for (const items of [list.secrets, ...list.imports.map((entry) => entry.secrets).toReversed()]) {
    for (const item of items) if (!secrets.has(item.secretKey)) secrets.set(item.secretKey, storedOf(item));
  }
  const notes = new Map(list.secrets.flatMap((item) => [...notesOf(item)]));
  return notes.size === 0 ? { kind: "found", secrets } : { kind: "found", secrets, notes };
}

function* notesOf({ secretKey, secretComment, tags, secretMetadata }: Item): Generator<[string, string]> {
  if (typeof secretComment === "string" && secretComment !== "") yield [`${secretKey}.comment`, secretComment];
  if (tags !== undefined && tags !== null && tags.length > 0) {
    yield [`${secretKey}.tags`, tags.map(({ slug }) => slug).join(",")];
  }
  for (const { key, value } of secretMetadata) {
    if (!key.startsWith("helmwarden-")) yield [`${secretKey}.${key}`, value];
  }
}

/** A recursive list by folder: the same key in two folders is two secrets. Imports are not in it. */
export function groupByFolder(list: SecretList): ReadonlyMap<string, PathReading> {
  const folders = Map.groupBy(list.secrets, (item) => normalPath(item.secretPath ?? "/"));
  return new Map([...folders].map(([path, secrets]) => [path, mergeFolder({ secrets, imports: [] })]));
}

function storedOf(item: Item): StoredSecret {
  const { version, secretValue, updatedAt, secretMetadata } = item;
  if (item.secretValueHidden === true || secretValue === HIDDEN) return { kind: "hidden", version };
  if (typeof secretValue !== "string") return { kind: "notText", version };
  const at = updatedAt === undefined ? undefined : new Date(updatedAt);
  const managed = item.isRotatedSecret === true ? { managedBy: "an Infisical rotation" } : {};
  return { kind: "value", value: decodedValue(secretValue, secretMetadata), version, updatedAt: at, ...managed };
}
