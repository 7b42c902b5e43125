import type { SecretValue } from "../core/secretValue.ts";
import type { KeyChange } from "../ports.ts";

export type KeyChanges = ReadonlyMap<string, KeyChange>;

/** What is at a path of a key. `other`: something that is no text of ours to read. */
export type HeldKey = SecretValue | "absent" | "other";

/**
 * The changes that are still to be made, or "moved": a key is neither what it was nor what it shall become, so
 * somebody else changed it.
 */
export function pendingChanges(changes: KeyChanges, heldOf: (key: string) => HeldKey): KeyChanges | "moved" {
  const pending = new Map<string, KeyChange>();
  for (const [key, change] of changes) {
    const held = heldOf(key);
    if (isHeld(held, change.to)) continue;
    if (!isHeld(held, change.from)) return "moved";
    pending.set(key, change);
  }
  return pending;
}

function isHeld(held: HeldKey, value: SecretValue | undefined): boolean {
  if (held === "other") return false;
  return held === "absent" || value === undefined ? (held === "absent") === (value === undefined) : held.equals(value);
}
