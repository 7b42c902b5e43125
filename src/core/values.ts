import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import { getAt, setAt, type ValuePath } from "./valuePath.ts";

/**
 * Helm's merge of user values over older ones: maps are merged, lists and scalars replaced. Nulls are kept as they
 * are; our overlays never hold any (helm pkg/chart/common/util/coalesce.go).
 */
export function mergeValues(under: JsonObject, over: JsonObject): JsonObject {
  const merged: JsonObject = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = Object.hasOwn(under, key) ? under[key] : undefined;
    merged[key] = isJsonObject(below) && isJsonObject(value) ? mergeValues(below, value) : value;
  }
  return merged;
}

/** What a list, map or scalar is called in a message to a person. */
export function shapeOf(value: Json | undefined): "nothing" | "a map" | "a list" | "a scalar" {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  return isJsonObject(value) ? "a map" : "a scalar";
}

/** A copy with nothing at these paths: what of the values a change at them does not touch. */
export function withoutPaths(values: JsonObject, paths: readonly ValuePath[]): JsonObject {
  const masked = paths.filter((path) => getAt(values, path) !== undefined);
  return masked.reduce((rest, path) => setAt(rest, path, null), values);
}
