import { HelmwardenError } from "../errors.ts";
import { SecretValue } from "./secretValue.ts";

/** A value put together from secrets: `postgres://app:${password|urlencode}@db:5432/app`. */
export interface Template {
  readonly pieces: readonly TemplatePiece[];
  /** Names of the parts, each once, in the order of first use. */
  readonly names: readonly string[];
}

export type TemplatePiece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "part"; readonly name: string; readonly filters: readonly FilterName[] };

export type FilterName = keyof typeof FILTERS;

/**
 * From bytes to bytes. Those that need text leave bytes which are not UTF-8 as they are, so that the guard against
 * unsafe values still sees them in the result.
 */
const FILTERS = {
  /** Percent-encodes all but the unreserved characters of RFC 3986, byte by byte. */
  urlencode: (bytes: Buffer) => Buffer.from(percentEncode(bytes)),
  base64: (bytes: Buffer) => Buffer.from(bytes.toString("base64")),
  /** RFC 4648 section 5, without padding. */
  base64url: (bytes: Buffer) => Buffer.from(bytes.toString("base64url")),
  /** The inside of a JSON string: write the quotes in the template. */
  json: onText((text) => JSON.stringify(text).slice(1, -1)),
  lower: onText((text) => text.toLowerCase()),
  upper: onText((text) => text.toUpperCase()),
  trim: onText((text) => text.trim()),
} as const satisfies Record<string, (bytes: Buffer) => Buffer>;

export const FILTER_NAMES = Object.keys(FILTERS) as readonly FilterName[];

const PART_NAME = /^[A-Za-z][A-Za-z0-9_]{0,40}$/;
/** Dollars before a brace: each pair is one dollar, and an odd one opens a part, so `$${` is the text `${`. */
const OPENING = /(\$+)\{/g;

/** Reads a template. The error text gives a position (from 1) and never quotes the template. */
export function parseTemplate(text: string): Template | { readonly error: string } {
  const parsed = parseText(text);
  if ("error" in parsed || parsed.names.length > 0) return parsed;
  return { error: "it has no part such as ${password}" };
}

/** The same for a text that may have parts, and need not. */
export function parseText(text: string): Template | { readonly error: string } {
  const pieces: TemplatePiece[] = [];
  let literal = "";
  let at = 0;
  for (const { 0: opening, 1: dollars = "", index } of text.matchAll(OPENING)) {
    literal += text.slice(at, index) + "$".repeat(Math.floor(dollars.length / 2));
    at = index + opening.length;
    if (dollars.length % 2 === 0) {
      literal += "{";
      continue;
    }
    const end = text.indexOf("}", at);
    const part = end === -1 ? "has no closing brace" : parsePart(text.slice(at, end));
    if (typeof part === "string") return { error: `the part at character ${index + 1} ${part}` };
    if (literal !== "") pieces.push({ kind: "text", text: literal });
    pieces.push(part);
    literal = "";
    at = end + 1;
  }
  literal += text.slice(at);
  if (literal !== "") pieces.push({ kind: "text", text: literal });
  const names = [...new Set(pieces.flatMap((piece) => (piece.kind === "part" ? [piece.name] : [])))];
  return { pieces, names };
}

/** Puts the parts in. Every name of the template has to be given (the configuration is checked for it): else Internal. */
export function renderTemplate(template: Template, parts: ReadonlyMap<string, SecretValue>): SecretValue {
  const chunks = template.pieces.map((piece) => {
    if (piece.kind === "text") return Buffer.from(piece.text);
    const value = parts.get(piece.name);
    if (value === undefined) throw new HelmwardenError("Internal", "A template's part was not given: report this bug.");
    return piece.filters.reduce<Buffer>((bytes, filter) => FILTERS[filter](bytes), value.revealBytes());
  });
  return SecretValue.fromBytes(Buffer.concat(chunks));
}

/** A part, or how the text after "the part …" goes on. */
function parsePart(text: string): TemplatePiece | string {
  const [name = "", ...filters] = text.split("|").map((word) => word.trim());
  if (!PART_NAME.test(name)) return "needs a name of letters, digits and underscores";
  if (!filters.every(isFilterName)) return `has an unknown filter; there are ${FILTER_NAMES.join(", ")}`;
  return { kind: "part", name, filters };
}

function isFilterName(word: string): word is FilterName {
  return Object.hasOwn(FILTERS, word);
}

function percentEncode(bytes: Buffer): string {
  return [...bytes]
    .map((byte) => {
      const character = String.fromCodePoint(byte);
      return /[A-Za-z0-9\-._~]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");
}

function onText(change: (text: string) => string): (bytes: Buffer) => Buffer {
  return (bytes) => (SecretValue.fromBytes(bytes).isText ? Buffer.from(change(bytes.toString("utf8"))) : bytes);
}
