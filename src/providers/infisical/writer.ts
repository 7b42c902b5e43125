import type { JsonObject } from "../../core/json.ts";
import type { SecretValue } from "../../core/secretValue.ts";
import { HelmwardenError } from "../../errors.ts";
import type { StoreWriter } from "../../ports.ts";
import { ENCODED, isKeptAsItIs } from "./encoding.ts";
import { createFolderEdits, type Held, type WriterParts } from "./folderEdits.ts";
import { normalPath } from "./secretList.ts";

const ATTEMPTS = 5;
/** Infisical takes bodies of 1 MiB. */
const LARGEST_BATCH = 1_000_000;

/** Makes folders, creates in batches that go through whole or not at all, and deletes what still holds our bytes. */
export function createInfisicalWriter(parts: WriterParts): StoreWriter {
  const edits = createFolderEdits(parts);
  const { subject } = parts;

  return {
    async create(path, secrets, signal) {
      const secretPath = normalPath(path);
      const ours = new Set<string>();
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        const held = await edits.read(secretPath, signal);
        const missing = [...secrets].filter(([key]) => held?.has(key) !== true);
        if (missing.length === 0) {
          return new Map([...secrets].map(([key, value]) => [key, resultOf(held?.get(key), value, ours.has(key))]));
        }
        if (held === undefined) await edits.change("POST", "/api/v2/folders", folderAt(secretPath), signal);
        for (const batch of batchesOf(missing, subject)) {
          const isDone = await edits.change(
            "POST",
            "/api/v4/secrets/batch",
            { secretPath, secrets: batch.items },
            signal,
          );
          if (isDone) for (const key of batch.keys) ours.add(key);
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
      if (items.length > 0)
        await edits.change("DELETE", "/api/v4/secrets/batch", { secretPath, secrets: items }, signal);
      return results;
    },
  };
}

/** Parents that are missing are made with it. */
function folderAt(path: string): JsonObject {
  const at = path.lastIndexOf("/");
  return { name: path.slice(at + 1), path: path.slice(0, at) || "/" };
}

function resultOf(
  held: SecretValue | undefined,
  wanted: SecretValue,
  isOurs: boolean,
): "created" | "equal" | "conflict" {
  if (held?.equals(wanted) !== true) return "conflict";
  return isOurs ? "created" : "equal";
}

interface Batch {
  readonly keys: string[];
  readonly items: JsonObject[];
}

function batchesOf(secrets: readonly (readonly [string, SecretValue])[], subject: string): readonly Batch[] {
  const batches: Batch[] = [];
  let room = 0;
  for (const [secretKey, value] of secrets) {
    const plain = isKeptAsItIs(value);
    const secretValue = plain ? value.reveal() : value.revealBytes().toString("base64");
    const item: JsonObject = { secretKey, secretValue, ...(plain ? {} : { secretMetadata: [ENCODED] }) };
    const size = Buffer.byteLength(JSON.stringify(item)) + 1;
    if (size > LARGEST_BATCH) {
      throw new HelmwardenError(
        "StoreInvalid",
        `The key ${secretKey} is larger than ${subject} takes (1 MiB in JSON). Leave it out, or import it into Vault.`,
      );
    }
    const last = batches.at(-1);
    if (last === undefined || size > room) {
      batches.push({ keys: [secretKey], items: [item] });
      room = LARGEST_BATCH - size;
    } else {
      last.keys.push(secretKey);
      last.items.push(item);
      room -= size;
    }
  }
  return batches;
}
