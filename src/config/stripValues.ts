import { isMap, isScalar, isSeq, type Pair, parseDocument, type Scalar, type YAMLMap } from "yaml";
import { isJsonObject, type Json, jsonEquals } from "../core/json.ts";
import { formatValuePath, type ValuePath } from "../core/valuePath.ts";
import { HelmwardenError } from "../errors.ts";
import { cutOut, isStrictPair, type StrictPair } from "./yamlCuts.ts";

/** A value path whose value is in a store now. */
export interface Literal {
  readonly path: ValuePath;
  /** Is this text what was migrated? */
  readonly isIt: (text: string) => boolean;
}

export interface Stripped {
  readonly text: string;
  /** In `--set` syntax. */
  readonly paths: readonly string[];
  /** What is in the file and stays, and why; in words for a person. */
  readonly left: readonly { readonly path: string; readonly why: string }[];
}

/**
 * Takes literals out of a values file by cutting its text: comments, order and spelling of all else stay. A map that
 * loses all it had becomes `{}`, as nothing at all would be null, which takes the chart's defaults away. ConfigInvalid
 * for text that is not one document of YAML, and where what comes out would hold anything else than what went in.
 */
export function stripValues(file: string, text: string, literals: readonly Literal[]): Stripped {
  const document = parseDocument(text, { logLevel: "error" });
  const before = contentOf(document);
  if (before === undefined) throw invalid(file, "is not one YAML document with a map in it");
  const cut = new Map<YAMLMap, Set<Pair>>();
  const paths: ValuePath[] = [];
  const left: Stripped["left"][number][] = [];
  for (const { path, isIt } of literals) {
    const found = pairAt(document.contents, path);
    if (found === undefined) continue;
    const why = "why" in found ? found.why : reasonToStay(text, found, isIt);
    if (why !== undefined) left.push({ path: formatValuePath(path), why });
    else if ("map" in found) {
      cut.set(found.map, (cut.get(found.map) ?? new Set()).add(found.pair));
      paths.push(path);
    }
  }
  const after = cutOut(text, cut, document.contents);
  const read = contentOf(parseDocument(after, { logLevel: "error" }));
  if (read === undefined || !jsonEquals(read, without(before, paths))) {
    throw invalid(file, "is written in a way that it cannot be cut safely. Take the literals out by hand");
  }
  return { text: after, paths: paths.map(formatValuePath), left };
}

type Found = { readonly map: YAMLMap; readonly pair: StrictPair };

/** Undefined: there is nothing at the path. */
function pairAt(root: unknown, path: ValuePath): Found | { readonly why: string } | undefined {
  let at: unknown = root;
  for (const [index, segment] of path.entries()) {
    const isLast = index === path.length - 1;
    if (isSeq(at) && typeof segment === "number") {
      if (isLast && at.has(segment)) return { why: "it is an item of a list, and without it the others would move" };
      at = at.get(segment, true);
    } else if (isMap(at)) {
      const pair = at.items.find((one) => isScalar(one.key) && String(one.key.value) === segment);
      if (pair === undefined) return undefined;
      if (isLast) return isStrictPair(pair) ? { map: at, pair } : { why: "it is no plain text" };
      at = pair.value;
    } else return undefined;
  }
  return undefined;
}

function reasonToStay(text: string, { pair: { key, value } }: Found, isIt: Literal["isIt"]): string | undefined {
  if (!isIt(textOf(value))) return "it is another value than what was migrated";
  if (value.anchor !== undefined) return "other places of the file refer to it (an anchor)";
  return text.slice(key.range[1], value.range[0]).includes("#") ? "a comment stands before its value" : undefined;
}

function textOf({ value, source }: Scalar): string {
  return typeof value === "string" ? value : (source ?? String(value));
}

function contentOf(document: ReturnType<typeof parseDocument>): Json | undefined {
  if (document.errors.length > 0) return undefined;
  const content: unknown = document.toJS({ maxAliasCount: 1000 }) ?? {};
  return isJsonObject(content) ? content : undefined;
}

function without(content: Json, paths: readonly ValuePath[]): Json {
  const copy = structuredClone(content);
  for (const path of paths) {
    let at: Json | undefined = copy;
    for (const segment of path.slice(0, -1)) {
      if (isJsonObject(at)) at = at[String(segment)];
      else if (Array.isArray(at)) at = at[Number(segment)];
    }
    if (isJsonObject(at)) delete at[String(path.at(-1))];
  }
  return copy;
}

function invalid(file: string, what: string): HelmwardenError {
  return new HelmwardenError("ConfigInvalid", `The values file ${file} ${what}.`);
}
