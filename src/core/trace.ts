/** How a traced value sits in a text: it is the text, or a part of it. */
export type TraceForm = "whole" | "part";

/**
 * Looks for `needle` in `text`: as it is, URL-encoded or JSON-escaped (our way or Go's), or inside base64 at any of
 * the three alignments (a password inside `user:password` of a docker config). Undefined: not there in any of these forms.
 */
export function traceIn(text: string, needle: string): TraceForm | undefined {
  if (needle === "") return undefined;
  if (text === needle || text === toBase64(needle)) return "whole";
  return spellings(needle).some((spelling) => text.includes(spelling)) ? "part" : undefined;
}

/**
 * Is `other` the same text as `text` but for what stands in the needles' place? False also where a needle is hidden
 * in base64 together with its neighbours, as then it cannot be told.
 */
export function sameAround(text: string, needles: readonly string[], other: string): boolean {
  const marks = needles
    .flatMap((needle) => [...plainSpellings(needle), toBase64(needle)])
    .filter((mark) => mark !== "");
  const [first = "", ...pieces] = marks.reduce<string[]>(
    (parts, mark) => parts.flatMap((part) => part.split(mark)),
    [text],
  );
  const last = pieces.pop();
  if (last === undefined) return other === first;
  if (!other.startsWith(first)) return false;
  let at = first.length;
  for (const piece of pieces) {
    const found = other.indexOf(piece, at);
    if (found === -1) return false;
    at = found + piece.length;
  }
  return other.length >= at + last.length && other.endsWith(last);
}

function spellings(needle: string): string[] {
  return [...plainSpellings(needle), ...base64Cores(needle)].filter((spelling) => spelling !== "");
}

function plainSpellings(needle: string): string[] {
  const json = JSON.stringify(needle).slice(1, -1);
  const ofGo = json.replaceAll(/[<>&]/g, unicodeEscape);
  return [needle, encodeURIComponent(needle), queryEscape(needle), json, ofGo];
}

/** As Go's url.QueryEscape writes it, which sprig's `urlquery` is. */
function queryEscape(text: string): string {
  return encodeURIComponent(text)
    .replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");
}

/** As Go's encoding/json writes `<`, `>` and `&`, and so `toJson`. */
function unicodeEscape(character: string): string {
  return `\\u00${character.charCodeAt(0).toString(16)}`;
}

/** The base64 characters that depend on the needle alone, for each position it can have in a group of three bytes. */
function base64Cores(needle: string): string[] {
  const bytes = Buffer.from(needle, "utf8");
  if (bytes.length < 6) return [];
  return [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const start = Math.ceil((shift * 8) / 6);
    const end = Math.floor(((shift + bytes.length) * 8) / 6);
    return encoded.slice(start, end);
  });
}

function toBase64(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}
