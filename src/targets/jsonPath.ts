import { isJsonObject, type Json } from "../core/json.ts";

/** A way into a document: keys of maps and places in lists. */
export type JsonPath = readonly (string | number)[];

const STEP = /\.([A-Za-z_][\w-]*)|\[(\d{1,6})\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/y;

/** `$.a.b[0]['c']`: the part of JSONPath (RFC 9535) that names one place. Undefined: it is none. */
export function parseJsonPath(text: string): JsonPath | undefined {
  if (!text.startsWith("$")) return undefined;
  const steps: (string | number)[] = [];
  STEP.lastIndex = 1;
  for (let at = 1; at < text.length; at = STEP.lastIndex) {
    const [, name, index, single, double] = STEP.exec(text) ?? [undefined, undefined];
    if (index !== undefined) steps.push(Number(index));
    else if (name !== undefined) steps.push(name);
    else if (single !== undefined || double !== undefined) steps.push(unescaped(single ?? double ?? ""));
    else return undefined;
  }
  return steps;
}

/** What is there; undefined where there is nothing. */
export function valueAt(json: Json, path: JsonPath): Json | undefined {
  let found: Json | undefined = json;
  for (const step of path) {
    if (typeof step === "number") found = Array.isArray(found) ? found[step] : undefined;
    else found = isJsonObject(found) && Object.hasOwn(found, step) ? found[step] : undefined;
  }
  return found;
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(.)/g, "$1");
}
