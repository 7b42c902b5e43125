import type { Json } from "./json.ts";
import type { Hold } from "./hold.ts";
import { hold } from "./hold.ts";
import type { SecretValue } from "./secretValue.ts";

export type ValueType = "string" | "number" | "boolean" | "json";

/** A release may hold 1 MiB in all; a value counts about three times (config, defaults, manifest), in base64. */
const LARGEST_VALUE = 200_000;

const PLACEHOLDERS = new Set(["changeme", "change-me", "todo", "<hidden-by-infisical>", "null", "undefined", "none"]);
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** What a store's value becomes in Helm's values, or why it must not go there. */
export type Written = { readonly kind: "json"; readonly json: Json } | { readonly kind: "hold"; readonly hold: Hold };

/**
 * Checks one wanted value and gives it the JSON type that the mapping asks for. Strings stay strings, whatever they
 * look like. `allowEmpty` is the guard `empty: allow`.
 */
export function writtenValue(where: string, value: SecretValue, type: ValueType, allowEmpty: boolean): Written {
  if (value.byteLength > LARGEST_VALUE) {
    const message = `The value is ${value.byteLength} bytes; a release holds 1 MiB in all and keeps a value three times. Mount it from a SecretSync instead.`;
    return held("tooLarge", where, message);
  }
  if (!value.isText)
    return held("unsafeValue", where, "The value is not UTF-8 text; use a SecretSync, which keeps bytes.");
  const text = value.reveal();
  const unsafe = unsafeText(text);
  if (unsafe !== undefined) return held("unsafeValue", where, unsafe);
  if (!allowEmpty && isEmptyLike(text)) {
    return held(
      "empty",
      where,
      "The store's value is empty, blank or a placeholder; set it there, or `guards.empty: allow`.",
    );
  }
  const json = toJson(text, type);
  if (json === undefined) {
    return held("typeClash", where, `The store's value is not a ${type}; change it there, or the mapping's \`type\`.`);
  }
  return { kind: "json", json };
}

/** Empty, blank, or one of the words that people leave where a secret should be. */
export function isEmptyLike(text: string): boolean {
  const trimmed = text.trim();
  return trimmed === "" || PLACEHOLDERS.has(trimmed.toLowerCase());
}

function unsafeText(text: string): string | undefined {
  if (text.includes("\0")) return "The value holds a NUL byte, which no environment variable can carry.";
  if (text.includes("{{")) {
    return "The value holds `{{`: charts that run values through `tpl` would execute it. Choose another value in the store.";
  }
  return undefined;
}

function toJson(text: string, type: ValueType): Json | undefined {
  switch (type) {
    case "string":
      return text;
    case "number":
      return NUMBER.test(text.trim()) && Number.isFinite(Number(text)) ? exactNumber(text.trim()) : undefined;
    case "boolean":
      return text.trim() === "true" ? true : text.trim() === "false" ? false : undefined;
    case "json":
      return parseJson(text);
  }
}

/** Helm holds numbers as float64: one that would come back different is refused. */
function exactNumber(text: string): number | undefined {
  const number = Number(text);
  return Number.isInteger(number) && !Number.isSafeInteger(number) ? undefined : number;
}

function parseJson(text: string): Json | undefined {
  try {
    const parsed: Json = JSON.parse(text);
    return holdsNull(parsed) ? undefined : parsed;
  } catch {
    return undefined;
  }
}

/** A null in an overlay removes a key from the config while the old value is still rendered (helm#30765). */
function holdsNull(json: Json): boolean {
  if (json === null) return true;
  return typeof json === "object" && Object.values(json).some(holdsNull);
}

function held(reason: Hold["reason"], where: string, message: string): Written {
  return { kind: "hold", hold: hold(reason, where, message) };
}
