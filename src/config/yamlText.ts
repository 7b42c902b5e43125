import { Composer, type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, Parser, visit } from "yaml";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import type { Problem } from "./problem.ts";

/** Line and column, both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export type FieldPath = readonly PropertyKey[];

/** One YAML document, as plain data, which can still tell where each field stands. */
export interface YamlDocument {
  readonly file: string;
  readonly content: JsonObject;
  /** Of the value at the path; of the nearest map or list around it where there is none. */
  positionOf(path: FieldPath): Position;
  /** Of a map's key; as positionOf where there is none. */
  positionOfKey(path: FieldPath, key: string): Position;
}

/** No alias may be used more often in a document, those inside what it stands for multiplied. */
const MAX_ALIASES = 1000;

/**
 * Splits a file into its documents, empty ones left out. Duplicate keys, unknown tags, keys that are no text and
 * unbounded aliases are problems, too. Texts of the YAML library quote the input and are not passed on. Of each document
 * only the data is kept, as its nodes take fifty times as much; who asks for positions has the file parsed once more.
 */
export function readYaml(file: string, text: string): { documents: YamlDocument[]; problems: Problem[] } {
  const lines = new LineCounter();
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const documents: YamlDocument[] = [];
  const problems: Problem[] = [];
  let again: readonly Document.Parsed[] | undefined;
  let count = 0;
  for (const parsed of parse(text, lines)) {
    const index = count;
    count += 1;
    const content = contentOf(parsed);
    if (isJsonObject(content)) {
      const start = at(startOf(parsed));
      const nodes = (): Document.Parsed | undefined => (again ??= [...parse(text)])[index];
      documents.push(locatedDocument({ file, content, start, at }, nodes));
    } else for (const fault of content) problems.push({ file, ...at(fault.offset), field: "", text: fault.text });
  }
  return { documents, problems };
}

function parse(text: string, lines?: LineCounter): Iterable<Document.Parsed> {
  const composer = new Composer({ stringKeys: true, logLevel: "error" });
  return composer.compose(new Parser(lines?.addNewLine).parse(text));
}

function startOf(parsed: Document.Parsed): number {
  return parsed.contents?.range?.[0] ?? 0;
}

type Fault = { readonly offset: number; readonly text: string };

/** What a document holds at a path; own properties only. */
export function valueAt(content: unknown, path: FieldPath): unknown {
  let at = content;
  for (const segment of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, segment)) return undefined;
    at = (at as Record<PropertyKey, unknown>)[segment];
  }
  return at;
}

/** The text at a path; undefined where there is none, or something else. */
export function textAt(yaml: YamlDocument, path: FieldPath): string | undefined {
  const value = valueAt(yaml.content, path);
  return typeof value === "string" ? value : undefined;
}

/** The document as plain data, or what is wrong with it; an empty one is neither. */
function contentOf(parsed: Document.Parsed): JsonObject | readonly Fault[] {
  const faults = faultsOf(parsed);
  if (faults.length > 0) return faults;
  const offset = startOf(parsed);
  try {
    const content: unknown = parsed.toJS({ maxAliasCount: MAX_ALIASES });
    if (content === null) return [];
    return isJsonObject(content)
      ? content
      : [{ offset, text: "must be a map with apiVersion, kind, metadata and spec" }];
  } catch {
    return [{ offset, text: "uses an alias that is unknown, or too many of them" }];
  }
}

/** The first syntax error, as the others follow from it, and every duplicate or forbidden key. */
function faultsOf(parsed: Document.Parsed): Fault[] {
  const faults: Fault[] = [];
  for (const { code, pos } of [...parsed.errors, ...parsed.warnings]) {
    if (code === "DUPLICATE_KEY") faults.push({ offset: pos[0], text: "the same key stands here twice" });
    else if (code === "NON_STRING_KEY") faults.push({ offset: pos[0], text: "a key must be text" });
    else if (code === "TAG_RESOLVE_FAILED") faults.push({ offset: pos[0], text: "uses an unknown tag" });
    else return [...faults, { offset: pos[0], text: `is not valid YAML (${code.toLowerCase().replaceAll("_", " ")})` }];
  }
  visit(parsed, {
    Pair(_, pair) {
      if (!isScalar(pair.key) || pair.key.value !== "__proto__") return;
      faults.push({ offset: pair.key.range?.[0] ?? 0, text: "this key is reserved" });
    },
  });
  return faults;
}

interface Located extends Pick<YamlDocument, "file" | "content"> {
  readonly start: Position;
  readonly at: (offset: number) => Position;
}

function locatedDocument(
  { file, content, start, at }: Located,
  nodes: () => Document.Parsed | undefined,
): YamlDocument {
  const nodeAt = (path: FieldPath): Node | undefined => {
    const parsed = nodes();
    if (parsed === undefined) return undefined;
    let node = resolve(parsed.contents, parsed);
    for (const segment of path) {
      const inner: unknown = isMap(node) || isSeq(node) ? node.get(segment, true) : undefined;
      const next = resolve(inner, parsed);
      if (next === undefined) return node;
      node = next;
    }
    return node;
  };
  const positionOf = (path: FieldPath): Position => (path.length === 0 ? start : at(nodeAt(path)?.range?.[0] ?? 0));
  return {
    file,
    content,
    positionOf,
    positionOfKey(path, key) {
      const map = nodeAt(path);
      const pair = isMap(map) ? map.items.find((item) => isScalar(item.key) && item.key.value === key) : undefined;
      return isScalar(pair?.key) ? at(pair.key.range?.[0] ?? 0) : positionOf(path);
    },
  };
}

function resolve(node: unknown, parsed: Document.Parsed): Node | undefined {
  if (isAlias(node)) return node.resolve(parsed);
  return isMap(node) || isSeq(node) || isScalar(node) ? node : undefined;
}
