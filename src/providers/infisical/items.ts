import type { JsonObject } from "../../core/json.ts";
import type { SecretValue } from "../../core/secretValue.ts";
import { HelmwardenError } from "../../errors.ts";
import { ENCODED, isKeptAsItIs } from "./encoding.ts";
import type { Item } from "./schema.ts";

/** Infisical takes bodies of 1 MiB. */
const LARGEST_BATCH = 1_000_000;

/** A secret as a batch writes it, its encoding marked in its metadata; what others wrote there stays. */
export function itemOf(secretKey: string, value: SecretValue, before: Item["secretMetadata"] = []): JsonObject {
  const plain = isKeptAsItIs(value);
  const secretValue = plain ? value.reveal() : value.revealBytes().toString("base64");
  const others = before.filter(({ key }) => key !== ENCODED.key);
  const secretMetadata = plain ? others : [...others, ENCODED];
  const isSame = plain && others.length === before.length;
  return { secretKey, secretValue, ...(isSame ? {} : { secretMetadata }) };
}

export interface Batch {
  readonly keys: string[];
  readonly items: JsonObject[];
}

/** As few batches as go into the largest body. StoreInvalid for a secret that is larger alone. */
export function batchesOf(items: readonly (readonly [string, JsonObject])[], subject: string): readonly Batch[] {
  const batches: Batch[] = [];
  let room = 0;
  for (const [key, item] of items) {
    const size = Buffer.byteLength(JSON.stringify(item)) + 1;
    if (size > LARGEST_BATCH) {
      throw new HelmwardenError(
        "StoreInvalid",
        `The key ${key} is larger than ${subject} takes (1 MiB in JSON). Leave it out, or import it into Vault.`,
      );
    }
    const last = batches.at(-1);
    if (last === undefined || size > room) {
      batches.push({ keys: [key], items: [item] });
      room = LARGEST_BATCH - size;
    } else {
      last.keys.push(key);
      last.items.push(item);
      room -= size;
    }
  }
  return batches;
}
