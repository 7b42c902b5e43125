import { SecretValue } from "../../core/secretValue.ts";

// Infisical trims values, expands ${references} in them, and takes text only. What would not come back as it was is
// kept in base64, and the secret's own metadata says so.

export const ENCODED = { key: "helmwarden-encoding", value: "base64" } as const;

/** Whether Infisical would give the text back as it is. */
export function isKeptAsItIs(value: SecretValue): boolean {
  if (!value.isText) return false;
  const text = value.reveal();
  const kept = text.trim() + (text.endsWith("\n") ? "\n" : "");
  return kept === text && !text.includes("${") && !text.includes("\0");
}

/** The bytes of what is stored; text that is no base64 was written by somebody else, and stays. */
export function decodedValue(
  text: string,
  metadata: readonly { readonly key: string; readonly value: string }[],
): SecretValue {
  if (!metadata.some(({ key, value }) => key === ENCODED.key && value === ENCODED.value)) {
    return SecretValue.fromText(text);
  }
  const value = SecretValue.fromBase64(text);
  return value.revealBytes().toString("base64") === text ? value : SecretValue.fromText(text);
}
