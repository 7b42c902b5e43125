import { HelmwardenError } from "../errors.ts";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";

/** A place in Helm values: names of maps, indexes of lists. The first segment is a name. */
export type ValuePath = readonly (string | number)[];

/** Helm's own limit is 65536 (pkg/strvals, MaxIndex); a larger index is a typing error in any case. */
const MAX_INDEX = 65_535;
const FORBIDDEN = new Set(["__proto__", "constructor", "prototype"]);
const INDEX = /^\[(0|[1-9]\d*)\]/;
const NAME = /^(?:[^\\.,=[]|\\.)*/su;
const CONTROL = /[\p{Cc}\u2028\u2029]/u;

/**
 * Reads Helm's `--set` syntax (pkg/strvals): names joined by dots, list indexes in brackets, and a backslash
 * before any character of a name that would else end it (`. , = [ \`). The error text never quotes the input.
 */
export function parseValuePath(text: string): ValuePath | { readonly error: string } {
  if (CONTROL.test(text)) return { error: "a value path has no control characters" };
  const path: (string | number)[] = [];
  let rest = text;
  while (true) {
    const raw = NAME.exec(rest)?.[0] ?? "";
    const name = raw.replaceAll(/\\(.)/gsu, "$1");
    if (name === "") return { error: `segment ${path.length + 1} is empty` };
    if (FORBIDDEN.has(name)) return { error: `segment ${path.length + 1} is a reserved name` };
    path.push(name);
    rest = rest.slice(raw.length);
    for (let index = INDEX.exec(rest); index !== null; index = INDEX.exec(rest)) {
      const position = Number(index[1]);
      if (position > MAX_INDEX) return { error: `a list index is at most ${MAX_INDEX}` };
      path.push(position);
      rest = rest.slice(index[0].length);
    }
    if (rest === "") return path;
    if (!rest.startsWith(".")) return { error: stray(rest) };
    rest = rest.slice(1);
  }
}

/** The same path in `--set` syntax; parseValuePath gives it back. */
export function formatValuePath(path: ValuePath): string {
  const parts = path.map((segment, position) => {
    if (typeof segment === "number") return `[${segment}]`;
    return `${position === 0 ? "" : "."}${segment.replaceAll(/[\\.,=[\]]/g, String.raw`\$&`)}`;
  });
  return parts.join("");
}

/** What is at the path, or undefined. Only own properties count, names only in maps, indexes only in lists. */
export function getAt(values: JsonObject, path: ValuePath): Json | undefined {
  let at: Json | undefined = values;
  for (const segment of path) {
    if (at === undefined) return undefined;
    at = child(at, segment);
  }
  return at;
}

/**
 * A copy with `value` at the path; branches beside it are shared, not copied. Makes missing maps and lists, fills
 * a list up with null as Helm does; null counts as absent. Throws Internal where a scalar, a map or a list stands in
 * the way: the plan has to look first.
 */
export function setAt(values: JsonObject, path: ValuePath, value: Json): JsonObject {
  const result = put(values, path, value);
  if (!isJsonObject(result)) throw new HelmwardenError("Internal", "An empty value path was set: report this bug.");
  return result;
}

/**
 * Whether two paths cannot both be set: equal, one a prefix of the other, or one reading as a map what the other
 * reads as a list.
 */
export function overlaps(left: ValuePath, right: ValuePath): boolean {
  for (let position = 0; position < Math.min(left.length, right.length); position++) {
    const [one, other] = [left[position], right[position]];
    if (one !== other) return typeof one !== typeof other;
  }
  return true;
}

function put(at: Json | undefined, path: ValuePath, value: Json): Json {
  const [segment, ...rest] = path;
  if (segment === undefined) return value;
  const inner = put(at === undefined ? undefined : child(at, segment), rest, value);
  if (typeof segment === "number") {
    const list = Array.isArray(at) ? [...at] : [];
    if (at !== undefined && at !== null && !Array.isArray(at)) throw blocked();
    while (list.length < segment) list.push(null);
    list[segment] = inner;
    return list;
  }
  if (at !== undefined && at !== null && !isJsonObject(at)) throw blocked();
  return { ...(isJsonObject(at) ? at : {}), [segment]: inner };
}

function child(at: Json, segment: string | number): Json | undefined {
  if (typeof segment === "number") return Array.isArray(at) ? at[segment] : undefined;
  return isJsonObject(at) && Object.hasOwn(at, segment) ? at[segment] : undefined;
}

function stray(rest: string): string {
  if (rest.startsWith("[")) return "a list index is digits in brackets, as [0]; write \\[ for a bracket in a name";
  if (rest.startsWith("\\")) return "a backslash stands before the character that it escapes";
  if (/^[,=]/.test(rest)) return "write \\, or \\= for a comma or an equals sign in a name";
  return "after a list index comes a dot, another index or nothing";
}

function blocked(): HelmwardenError {
  return new HelmwardenError("Internal", "A value path was set through a scalar: report this bug.");
}
