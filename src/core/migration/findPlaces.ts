import { isJsonObject, type Json, type JsonObject } from "../json.ts";
import { mapAt, textAt } from "../objects.ts";
import type { SecretValue } from "../secretValue.ts";
import { type ValuePath } from "../valuePath.ts";

/**
 * How the bytes of a Secret's key and a release's value are related.
 * - same: the value is the key's text
 * - base64: the value is its base64, as for charts that fill `data`
 * - holds: the value has the key's text inside of it (a connection string)
 * - partOf: the key has the value inside of it (a connection string, htpasswd, a docker config)
 */
export type PlaceForm = "same" | "base64" | "holds" | "partOf";

export interface Place {
  readonly path: ValuePath;
  readonly form: PlaceForm;
}

/** One scalar of a release's values. */
export interface Leaf {
  readonly path: ValuePath;
  readonly text: string;
  /** As the mapping's `type`: what a store's text has to become to be this value again. */
  readonly type: "string" | "number" | "boolean";
}

/** Shorter ones are found in too many places to mean anything. */
export const SHORTEST = 8;

const SECRET_NAME = /pass|pwd|secret|token|key|auth|cred|dsn|ur[li]$|connection|salt|user/i;

/** All scalars below `values`; an empty text is none. */
export function leavesOf(values: JsonObject): readonly Leaf[] {
  return [...walk(values, [])];
}

function* walk(value: Json, path: ValuePath): Generator<Leaf> {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* walk(item, [...path, index]);
  } else if (isJsonObject(value)) {
    for (const [name, item] of Object.entries(value)) yield* walk(item, [...path, name]);
  } else if (typeof value === "string") {
    if (value !== "") yield { path, text: value, type: "string" };
  } else if (value !== null) {
    yield { path, text: String(value), type: typeof value === "number" ? "number" : "boolean" };
  }
}

/** Every place in a release's values that has to do with the value of one key. */
export function findPlaces(value: SecretValue, leaves: readonly Leaf[]): readonly Place[] {
  if (value.byteLength === 0) return [];
  const base64 = value.revealBytes().toString("base64");
  const text = value.isText ? value.reveal() : undefined;
  const texts = text === undefined ? [] : [text, ...textsOfDockerConfig(text)];
  return leaves.flatMap(({ path, text: leaf, type }) => {
    const form = formOf(leaf, type, text, base64) ?? (isPart(path, leaf, texts) ? "partOf" : undefined);
    return form === undefined ? [] : [{ path, form }];
  });
}

function formOf(leaf: string, type: Leaf["type"], text: string | undefined, base64: string): PlaceForm | undefined {
  if (leaf === text) return "same";
  if (type !== "string") return undefined;
  if (leaf === base64) return "base64";
  if (text === undefined || text.length < SHORTEST) return undefined;
  return leaf.includes(text) || leaf.includes(encodeURIComponent(text.toWellFormed())) ? "holds" : undefined;
}

/** Only where the path's name is a secret's: hosts and names of databases are part of many keys. */
function isPart(path: ValuePath, leaf: string, texts: readonly string[]): boolean {
  if (leaf.length < SHORTEST || !SECRET_NAME.test(String(path.findLast((one) => typeof one === "string"))))
    return false;
  return texts.some((text) => text.includes(leaf) || text.includes(encodeURIComponent(leaf.toWellFormed())));
}

/** A docker config keeps `user:password` in base64. */
function textsOfDockerConfig(text: string): string[] {
  if (!text.trimStart().startsWith("{")) return [];
  try {
    const parsed: Json = JSON.parse(text);
    const auths = mapAt(parsed, "auths") ?? {};
    return Object.keys(auths).flatMap((registry) => {
      const auth = textAt(auths[registry], "auth");
      return auth === undefined ? [] : [Buffer.from(auth, "base64").toString("utf8")];
    });
  } catch {
    return [];
  }
}
