import type { SecretValue } from "../../core/secretValue.ts";
import { HelmwardenError } from "../../errors.ts";
import type { StoreWriter } from "../../ports.ts";
import type { WriterParts } from "./folderCalls.ts";
import { createFolderEdits, type Held } from "./folderEdits.ts";
import { batchesOf, itemOf } from "./items.ts";
import { createInfisicalReplace } from "./replace.ts";
import { normalPath } from "./secretList.ts";

const ATTEMPTS = 5;

/** Makes folders, creates in batches that go through whole or not at all, and deletes what still holds our bytes. */
export function createInfisicalWriter(parts: WriterParts): StoreWriter {
  const edits = createFolderEdits(parts);
  const { subject } = parts;

  return {
    replace: createInfisicalReplace(edits, subject),
    async create(path, secrets, signal) {
      const secretPath = normalPath(path);
      const ours = new Set<string>();
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        const held = await edits.read(secretPath, signal);
        const missing = [...secrets].filter(([key]) => held?.has(key) !== true);
        if (missing.length === 0) {
          return new Map([...secrets].map(([key, value]) => [key, resultOf(held?.get(key), value, ours.has(key))]));
        }
        if (held === undefined) await edits.makeFolder(secretPath, signal);
        const items = missing.map(([key, value]) => [key, itemOf(key, value)] as const);
        for (const batch of batchesOf(items, subject)) {
          const made = await edits.change("POST", secretPath, batch.items, signal);
          if (made !== undefined) for (const key of batch.keys) ours.add(key);
        }
      }
      throw new HelmwardenError(
        "StoreInvalid",
        `${subject} does not take what is to be written to ${secretPath}. See whether its project, environment and plan allow it.`,
      );
    },
    async remove(path, secrets, signal) {
      const secretPath = normalPath(path);
      const held = (await edits.read(secretPath, signal)) ?? (new Map() as Held);
      const results = new Map(
        [...secrets].map(([key, value]) => {
          const isOurs = held.get(key)?.equals(value) === true;
          return [key, isOurs ? "removed" : held.has(key) ? "conflict" : "absent"] as const;
        }),
      );
      const going = [...results].flatMap(([key, result]) => (result === "removed" ? [key] : []));
      const items = going.map((secretKey) => ({ secretKey, type: "shared" }));
      if (items.length > 0) await edits.change("DELETE", secretPath, items, signal);
      return results;
    },
  };
}

function resultOf(
  held: SecretValue | undefined,
  wanted: SecretValue,
  isOurs: boolean,
): "created" | "equal" | "conflict" {
  if (held?.equals(wanted) !== true) return "conflict";
  return isOurs ? "created" : "equal";
}
