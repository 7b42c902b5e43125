import { type Hold, hold } from "./hold.ts";
import { isJsonObject, type Json, type JsonObject, jsonEquals } from "./json.ts";
import { formatValuePath, getAt, setAt, type ValuePath } from "./valuePath.ts";
import { mergeValues, shapeOf } from "./values.ts";

/** One mapped path and the JSON that it is to hold. */
export interface Wish {
  readonly path: ValuePath;
  readonly json: Json;
}

export interface OverlayPlan {
  /** Only the mapped paths; a list that holds one is sent whole, as Helm replaces lists. */
  readonly overlay: JsonObject;
  /** `config` as it must read after the upgrade. */
  readonly expected: JsonObject;
  /** Paths whose value in `config` differs from the wish. */
  readonly changed: readonly ValuePath[];
  readonly holds: readonly Hold[];
}

/**
 * The smallest document that brings every wish into a release whose user values are `config` over `defaults`. A
 * path that cannot be written without damage (through a scalar, over a map, beyond a list) yields a hold instead.
 */
export function planOverlay(config: JsonObject, defaults: JsonObject, wishes: readonly Wish[]): OverlayPlan {
  const holds: Hold[] = [];
  const changed: ValuePath[] = [];
  let effective = mergeValues(defaults, config);
  let overlay: JsonObject = {};
  for (const { path, json } of wishes) {
    const clash = findClash(effective, path, json);
    if (clash !== undefined) {
      holds.push(hold("typeClash", formatValuePath(path), clash));
      continue;
    }
    if (!holdsWish(config, path, json)) changed.push(path);
    const present = getAt(effective, path);
    const merges = isJsonObject(present) && isJsonObject(json);
    effective = setAt(effective, path, merges ? mergeValues(present, json) : json);
    const sent = sentPrefix(path);
    overlay = setAt(overlay, sent, sent === path ? json : (getAt(effective, sent) ?? null));
  }
  return { overlay, expected: mergeValues(config, overlay), changed, holds };
}

/** The part of a path that an overlay can address: all of it, or up to its first list. */
function sentPrefix(path: ValuePath): ValuePath {
  const index = path.findIndex((segment) => typeof segment === "number");
  return index === -1 ? path : path.slice(0, index);
}

/** Does `config` already hold the wish? A wished map is merged into the one that is there, so it must be contained. */
function holdsWish(config: JsonObject, path: ValuePath, json: Json): boolean {
  const present = getAt(config, path);
  if (isJsonObject(present) && isJsonObject(json)) return jsonEquals(mergeValues(present, json), present);
  return jsonEquals(present, json);
}

function findClash(effective: JsonObject, path: ValuePath, json: Json): string | undefined {
  for (let depth = 1; depth < path.length; depth += 1) {
    const prefix = path.slice(0, depth);
    const clash = segmentClash(getAt(effective, prefix), path[depth], prefix);
    if (clash !== undefined) return clash;
  }
  if (!replacesMap(getAt(effective, path), json)) return undefined;
  return `The release has a map at \`${formatValuePath(path)}\`${isJsonObject(json) ? " or inside it" : ""}, which this value would replace; let the path name one of its keys. Helm would print the map, secrets included.`;
}

/** Would a map with something in it give way to a scalar or a list, at the top or further inside? */
function replacesMap(present: Json | undefined, json: Json): boolean {
  if (!isJsonObject(present)) return false;
  if (!isJsonObject(json)) return Object.keys(present).length > 0;
  return Object.entries(json).some(([key, item]) => replacesMap(getAt(present, [key]), item));
}

function segmentClash(
  value: Json | undefined,
  next: string | number | undefined,
  prefix: ValuePath,
): string | undefined {
  const shape = shapeOf(value);
  const at = `\`${formatValuePath(prefix)}\``;
  if (typeof next !== "number") {
    return shape === "nothing" || shape === "a map"
      ? undefined
      : `The release has ${shape} at ${at}, where the path wants a map. Correct the path.`;
  }
  if (!Array.isArray(value)) return `The release has ${shape} at ${at}, where the path wants a list. Correct the path.`;
  return next <= value.length
    ? undefined
    : `The list at ${at} has ${value.length} items; index ${next} would leave a gap. Correct the path.`;
}
