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

function spellings(needle: string): string[] {
  const json = JSON.stringify(needle).slice(1, -1);
  const plain = [
    needle,
    encodeURIComponent(needle),
    queryEscape(needle),
    json,
    json.replaceAll(/[<>&]/g, unicodeEscape),
  ];
  return [...plain, ...base64Cores(needle)].filter((spelling) => spelling !== "");
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
