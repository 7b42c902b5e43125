import type { JsonObject } from "../core/json.ts";
import type { Sealed } from "../core/secretValue.ts";

/**
 * Characters that JSON lets stand and helm's YAML parser refuses (controls) or folds into a blank (line breaks such
 * as U+0085). Each is one UTF-16 unit; pairs must not be escaped, as that parser refuses surrogates.
 */
const NOT_YAML = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

/** An overlay as it goes to helm's standard input: JSON that is the same document when it is read as YAML 1.1. */
export function overlayText(overlay: Sealed<JsonObject>): string {
  return JSON.stringify(overlay.open()).replaceAll(
    NOT_YAML,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
