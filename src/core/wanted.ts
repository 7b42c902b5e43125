import type { Json } from "./json.ts";
import type { Hold } from "./hold.ts";
import { hold } from "./hold.ts";
import type { SecretValue } from "./secretValue.ts";

export type ValueType = "string" | "number" | "boolean" | "json";

/** A release may hold 1 MiB in all; a value counts about three times (config, defaults, manifest), in base64. */
const LARGEST_VALUE = 200_000;

const PLACEHOLDERS = new Set(["changeme", "change-me", "todo", "<hidden-by-infisical>", "null", "undefined", "none"]);
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

const READABLE: Readonly<Record<ValueType, string>> = {
  string: "a string",
  number: "a number that helm would not round",
  boolean: "`true` or `false`",
  json: "JSON that helm takes whole (no nulls, no rounded numbers, no deep nesting)",
};

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
  const json = toJson(text, type);
  const unsafe = [text, ...textsIn(json)].map(unsafeText).find((reason) => reason !== undefined);
  if (unsafe !== undefined) return held("unsafeValue", where, unsafe);
  if (!allowEmpty && isEmpty(text, json)) {
    return held(
      "empty",
      where,
      "The store's value is empty, blank or a placeholder; set it there, or `guards.empty: allow`.",
    );
  }
  if (json === undefined) {
    const message = `The store's value is not ${READABLE[type]}; change it there, or the mapping's \`type\`.`;
    return held("typeClash", where, message);
  }
  return { kind: "json", json };
}

/** Empty, blank, or one of the words that people leave where a secret should be. */
export function isEmptyLike(text: string): boolean {
  const trimmed = text.trim();
  return trimmed === "" || PLACEHOLDERS.has(trimmed.toLowerCase());
}

function isEmpty(text: string, json: Json | undefined): boolean {
  if (typeof json === "object" && json !== null) return Object.keys(json).length === 0;
  return isEmptyLike(typeof json === "string" ? json : text);
}

function unsafeText(text: string): string | undefined {
  if (text.includes("\0")) return "The value holds a NUL byte, which no environment variable can carry.";
  if (text.includes("{{")) {
    return "The value holds `{{`: charts that run values through `tpl` would execute it. Choose another value in the store.";
  }
  if (!text.isWellFormed()) return "The value holds half a character (a lone surrogate), which helm would replace.";
  return undefined;
}

/** Every text in parsed JSON, keys too: an escape such as \u007b hides it from a look at the source. */
function textsIn(json: Json | undefined): string[] {
  if (typeof json === "string") return [json];
  if (typeof json !== "object" || json === null) return [];
  return Object.entries(json).flatMap(([key, item]) => [key, ...textsIn(item)]);
}

function toJson(text: string, type: ValueType): Json | undefined {
  switch (type) {
    case "string":
      return text;
    case "number":
      return NUMBER.test(text.trim()) ? exactNumber(text.trim()) : undefined;
    case "boolean":
      return text.trim() === "true" ? true : text.trim() === "false" ? false : undefined;
    case "json":
      return parseJson(text);
  }
}

/** Helm holds numbers as float64: one that would come back different is refused. */
function exactNumber(text: string): number | undefined {
  const number = Number(text);
  return significant(text) === significant(String(number)) ? number : undefined;
}

/** The digits of a decimal without the zeros at either end, its sign and its exponent. */
function significant(text: string): string {
  const mantissa = text.replace(/e.*$/i, "");
  return mantissa.replaceAll(/\D/g, "").replaceAll(/^0+|0+$/g, "");
}

/** Deeper than any chart's values; YAML and the stack have their limits too. */
const DEEPEST = 64;

function parseJson(text: string): Json | undefined {
  try {
    const parsed: Json = JSON.parse(text);
    const numbers = text.replaceAll(/"[^"\\]*(?:\\.[^"\\]*)*"/g, "").match(/-?\d[-+.\dEe]*/g) ?? [];
    const isExact = numbers.every((number) => exactNumber(number) !== undefined);
    return isExact && isWritable(parsed, 0) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** A null in an overlay removes a key from the config while the old value is still rendered (helm#30765). */
function isWritable(json: Json, depth: number): boolean {
  if (json === null || depth > DEEPEST) return false;
  if (typeof json !== "object") return true;
  return !Object.hasOwn(json, "__proto__") && Object.values(json).every((item) => isWritable(item, depth + 1));
}

function held(reason: Hold["reason"], where: string, message: string): Written {
  return { kind: "hold", hold: hold(reason, where, message) };
}
