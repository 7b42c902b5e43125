import type { JsonObject } from "../../core/json.ts";
import type { PathReading, StoredSecret } from "../../ports.ts";
import { jsonOf } from "../http.ts";
import type { HttpResponse } from "../httpExchange.ts";
import { decodedValue, encodedKeys, isMarker } from "./markers.ts";
import { Kv1, Kv2, Kv2Gone, Refusal, Warned } from "./schema.ts";

/**
 * What a read of KV data says. A 404 means five things: nothing there, a deleted version, a destroyed one, a KV 1
 * path on a KV 2 mount (`otherVersion`), no such mount (`noMount`); a proxy's own 404 is `unknown`, never missing.
 */
export type KvAnswer =
  | {
      readonly kind: "found";
      readonly secrets: JsonObject;
      readonly version: number;
      readonly createdAt: string;
      /** Keys whose text is the base64 of their bytes. */
      readonly encoded: ReadonlySet<string>;
      /** What others wrote into the metadata. */
      readonly notes: ReadonlyMap<string, string>;
    }
  | Extract<PathReading, { kind: "missing" }>
  | { readonly kind: "otherVersion" | "noMount" | "unknown" };

export function readAnswer(response: HttpResponse, version: 1 | 2): KvAnswer {
  const json = jsonOf(response);
  if (response.status === 404) return readAbsence(json);
  if (response.status !== 200) return { kind: "unknown" };
  if (version === 1) {
    const one = Kv1.safeParse(json);
    if (!one.success) return { kind: "unknown" };
    return { kind: "found", secrets: one.data.data, version: 0, createdAt: "", encoded: new Set(), notes: new Map() };
  }
  const two = Kv2.safeParse(json);
  if (!two.success) return { kind: "unknown" };
  const { data, metadata } = two.data.data;
  const { version: counted, created_time: createdAt, custom_metadata: custom } = metadata;
  const notes = new Map(Object.entries(custom).filter(([name]) => !isMarker(name)));
  return { kind: "found", secrets: data, version: counted, createdAt, encoded: encodedKeys(custom), notes };
}

function readAbsence(json: unknown): KvAnswer {
  const gone = Kv2Gone.safeParse(json);
  if (gone.success) return { kind: "missing", why: gone.data.data.metadata.destroyed ? "destroyed" : "deleted" };
  if (Warned.safeParse(json).success) return { kind: "otherVersion" };
  const refusal = Refusal.safeParse(json);
  if (!refusal.success) return { kind: "unknown" };
  return refusal.data.errors.length === 0 ? { kind: "missing", why: "absent" } : { kind: "noMount" };
}

/** Our form of what was read. The previous object comes back if nothing moved; KV 1 has no versions, so values tell. */
export function readingOf(
  answer: Extract<KvAnswer, { kind: "found" | "missing" }>,
  previous?: PathReading,
): PathReading {
  if (answer.kind === "missing") {
    return previous?.kind === "missing" && previous.why === answer.why ? previous : answer;
  }
  const updatedAt = answer.createdAt === "" ? undefined : new Date(answer.createdAt);
  const secrets = new Map<string, StoredSecret>();
  const { version, notes } = answer;
  const managed = isStaticRole(answer.secrets) ? { managedBy: "a static role of Vault" } : {};
  for (const [key, text] of Object.entries(answer.secrets)) {
    if (typeof text !== "string") secrets.set(key, { kind: "notText", version });
    else {
      const value = decodedValue(text, answer.encoded.has(key));
      secrets.set(key, { kind: "value", value, version, updatedAt, ...managed });
    }
  }
  if (previous?.kind === "found" && areSame(previous.secrets, secrets) && areSameNotes(previous.notes, notes))
    return previous;
  return notes.size === 0 ? { kind: "found", secrets } : { kind: "found", secrets, notes };
}

/** A database mount answers for `static-creds/ROLE` as KV 1 would. */
function isStaticRole(secrets: JsonObject): boolean {
  return Object.hasOwn(secrets, "last_vault_rotation") && Object.hasOwn(secrets, "password");
}

function areSameNotes(left: ReadonlyMap<string, string> = new Map(), right: ReadonlyMap<string, string>): boolean {
  return left.size === right.size && [...left].every(([name, note]) => right.get(name) === note);
}

type Secrets = ReadonlyMap<string, StoredSecret>;

function areSame(left: Secrets, right: Secrets): boolean {
  return left.size === right.size && [...left].every(([key, secret]) => isSame(secret, right.get(key)));
}

function isSame(left: StoredSecret, right: StoredSecret | undefined): boolean {
  if (right === undefined || left.kind !== right.kind || left.version !== right.version) return false;
  if (left.kind !== "value" || right.kind !== "value") return true;
  return left.value.equals(right.value) && left.updatedAt?.getTime() === right.updatedAt?.getTime();
}
