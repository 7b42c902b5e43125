import type { Store } from "../../ports.ts";
import { createKvEdits } from "./kvEdits.ts";
import type { KvClient } from "./kvClient.ts";
import { encodedKeys } from "./markers.ts";

// Vault's limits of custom_metadata, in bytes; some entries stay free for what marks encoded keys.
const MOST = 48;
const LONGEST_NAME = 128;
const LONGEST_VALUE = 512;

/** Notes as custom_metadata of KV 2; KV 1 has none. An entry that is there already stays as it is. */
export function createAnnotate(
  kv: KvClient,
  mount: string,
  subject: string,
  discover: (signal: AbortSignal) => Promise<1 | 2>,
): NonNullable<Store["annotate"]> {
  const edits = createKvEdits(kv, mount, subject);
  return async (path, notes, signal) => {
    if ((await discover(signal)) === 1) return notes.size;
    const { metadata } = await edits.read(2, path, signal);
    const added = [...notes].filter(([name]) => !Object.hasOwn(metadata, name));
    const fitting = added.filter(([name, value]) => fits(name, LONGEST_NAME) && fits(value, LONGEST_VALUE));
    const taken = fitting.slice(0, Math.max(0, MOST - Object.keys(metadata).length));
    if (taken.length > 0) {
      await edits.mark(path, { ...metadata, ...Object.fromEntries(taken) }, encodedKeys(metadata), signal);
    }
    return added.length - taken.length;
  };
}

function fits(text: string, most: number): boolean {
  return text !== "" && Buffer.byteLength(text) <= most;
}
