import { SecretValue } from "../../core/secretValue.ts";

// KV 2 holds text only. Other bytes are kept in base64, and custom_metadata names their keys: at most 64 entries of at
// most 512 bytes each, so the names are spread over several.

const NAME = /^helmwarden-base64-\d+$/;
const LONGEST = 512;
const SEPARATOR = ",";

type CustomMetadata = Readonly<Record<string, string>>;

/** Is this entry of the metadata ours? */
export function isMarker(name: string): boolean {
  return NAME.test(name);
}

/** The keys whose text is the base64 of their bytes. */
export function encodedKeys(metadata: CustomMetadata): ReadonlySet<string> {
  const lists = Object.entries(metadata).filter(([name]) => NAME.test(name));
  return new Set(lists.flatMap(([, list]) => list.split(SEPARATOR)));
}

/** The metadata with just these keys marked, and all that is not ours as it was. */
export function withEncodedKeys(metadata: CustomMetadata, keys: ReadonlySet<string>): CustomMetadata {
  const lists: string[] = [];
  for (const key of [...keys].sort()) {
    const last = lists.at(-1);
    if (last !== undefined && last.length + SEPARATOR.length + key.length <= LONGEST) {
      lists[lists.length - 1] = `${last}${SEPARATOR}${key}`;
    } else lists.push(key);
  }
  const foreign = Object.entries(metadata).filter(([name]) => !NAME.test(name));
  return Object.fromEntries([...foreign, ...lists.map((list, index) => [`helmwarden-base64-${index}`, list] as const)]);
}

/** A value as it was before it was encoded; text that is no base64 was written by somebody else, and stays. */
export function decodedValue(text: string, encoded: boolean): SecretValue {
  if (!encoded) return SecretValue.fromText(text);
  const value = SecretValue.fromBase64(text);
  return value.revealBytes().toString("base64") === text ? value : SecretValue.fromText(text);
}
