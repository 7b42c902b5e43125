import type { Json, JsonObject } from "./json.ts";
import { mapAt, objectName, podTemplateOf, textAt } from "./objects.ts";

/** Where a text sits in the rendered objects: `secret` and `config` are data, `pod` is env or arguments of a pod. */
export type PositionKind = "secret" | "config" | "pod" | "other";

/** One scalar of a render. */
export interface Position {
  readonly object: string;
  /** The data key of a Secret or ConfigMap, else the field's path. */
  readonly field: string;
  readonly kind: PositionKind;
  readonly text: string;
}

const POD_FIELD = /\.(env\.\d+\.value|args\.\d+|command\.\d+)$/;

/** Every scalar of every object, by a name that is the same in two renders of one chart. Secret data comes decoded. */
export function positionsOf(objects: readonly JsonObject[], namespace: string): Map<string, Position> {
  const positions = new Map<string, Position>();
  const add = (position: Position): void => {
    positions.set(`${position.object} ${position.field}`, position);
  };
  for (const object of objects) {
    const name = objectName(object, namespace);
    const data = dataOf(object);
    const makesPods = podTemplateOf(object) !== undefined;
    for (const [field, text] of scalarsOf(data.size > 0 ? { ...object, data: {}, stringData: {} } : object, "")) {
      add({ object: name, field, kind: makesPods && POD_FIELD.test(field) ? "pod" : "other", text });
    }
    // Last, as a data key may be called like a field of the object (`type`, `kind`), and counts for more.
    for (const [key, text] of data) add({ object: name, field: key, kind: dataKind(object), text });
  }
  return positions;
}

/** Data of a Secret (decoded) or ConfigMap; of anything else, nothing. */
export function dataOf(object: JsonObject): Map<string, string> {
  const kind = textAt(object, "kind");
  const data = new Map<string, string>();
  if (kind !== "Secret" && kind !== "ConfigMap") return data;
  for (const [key, value] of Object.entries(mapAt(object, "data") ?? {})) {
    const text = scalarText(value);
    data.set(key, kind === "Secret" ? Buffer.from(text, "base64").toString("utf8") : text);
  }
  if (kind === "Secret") {
    for (const [key, value] of Object.entries(mapAt(object, "stringData") ?? {})) data.set(key, scalarText(value));
  }
  return data;
}

function dataKind(object: JsonObject): PositionKind {
  return textAt(object, "kind") === "Secret" ? "secret" : "config";
}

/** Every scalar below a value as text, by its path. */
export function* scalarsOf(value: Json, at: string): Generator<[string, string]> {
  if (typeof value !== "object" || value === null) {
    yield [at, scalarText(value)];
    return;
  }
  for (const [key, child] of Object.entries(value)) yield* scalarsOf(child, at === "" ? key : `${at}.${key}`);
}

function scalarText(value: Json | undefined): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? null);
}
