import type { JsonObject } from "../../core/json.ts";
import type { KeyChanges } from "../keyChanges.ts";
import type { FolderEdits } from "./folderEdits.ts";
import type { Item } from "./schema.ts";

/** Values that others wrote between our reading and our write, by key: Infisical keeps each as a version. */
export async function overwritten(
  edits: FolderEdits,
  folder: string,
  versions: ReadonlyMap<string, number>,
  held: ReadonlyMap<string, Item>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const lost = new Map<string, string>();
  for (const [key, version] of versions) {
    const item = held.get(key);
    if (item === undefined || version <= item.version + 1) continue;
    const text = await edits.textAt(folder, key, version - 1, signal);
    if (text !== undefined && text !== item.secretValue) lost.set(key, text);
  }
  return lost;
}

/** Theirs again where it was lost, and what else we changed as it was. */
export async function putBack(
  edits: FolderEdits,
  folder: string,
  written: KeyChanges,
  held: ReadonlyMap<string, Item>,
  lost: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const changed = [...written].flatMap(([secretKey, { from, to }]): JsonObject[] => {
    const item = held.get(secretKey);
    if (from === undefined || to === undefined || typeof item?.secretValue !== "string") return [];
    const { secretValue, secretMetadata } = item;
    return [{ secretKey, secretValue: lost.get(secretKey) ?? secretValue, secretMetadata }];
  });
  await edits.change("PATCH", folder, changed, signal);
}

/** Takes away keys that we made. */
export async function unmake(
  edits: FolderEdits,
  folder: string,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const items = keys.map((secretKey) => ({ secretKey, type: "shared" }));
  if (items.length > 0) await edits.change("DELETE", folder, items, signal);
}
