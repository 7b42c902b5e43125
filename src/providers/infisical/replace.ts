import type { JsonObject } from "../../core/json.ts";
import { HelmwardenError } from "../../errors.ts";
import type { KeyChange, StoreWriter } from "../../ports.ts";
import { type HeldKey, type KeyChanges, pendingChanges } from "../keyChanges.ts";
import { decodedValue, ENCODED } from "./encoding.ts";
import type { FolderEdits } from "./folderEdits.ts";
import { batchesOf, itemOf } from "./items.ts";
import { overwritten, putBack, unmake } from "./lostUpdates.ts";
import type { Item, SecretList } from "./schema.ts";
import { normalPath } from "./secretList.ts";

const ATTEMPTS = 5;
const EMPTY: SecretList = { secrets: [], imports: [] };
const NONE: ReadonlyMap<string, string> = new Map();

/**
 * See StoreWriter.replace. Infisical compares nothing: the folder is read, its new keys are made, the changed ones
 * follow in one batch, the removed ones go, and it is read again. New keys come first, as a crash then leaves what is
 * there already as it was. A version too many tells of somebody who wrote in between: theirs is put back.
 */
export function createInfisicalReplace(edits: FolderEdits, subject: string): StoreWriter["replace"] {
  /** Undefined: as far as it went; what is there now tells the rest. `made` gets the keys that were new. */
  async function write(
    folder: string,
    pending: KeyChanges,
    held: ReadonlyMap<string, Item>,
    made: Set<string>,
    signal: AbortSignal,
  ): Promise<"moved" | undefined> {
    for (const [method, items] of writesOf(pending, held)) {
      for (const batch of batchesOf(items, subject)) {
        const versions = await edits.change(method, folder, batch.items, signal);
        if (versions === undefined) return undefined;
        if (method === "POST") for (const key of batch.keys) made.add(key);
        const lost = method === "PATCH" ? await overwritten(edits, folder, versions, held, signal) : NONE;
        if (lost.size === 0) continue;
        await putBack(edits, folder, pending, held, lost, signal);
        await unmake(edits, folder, [...made], signal);
        return "moved";
      }
    }
    return undefined;
  }

  return async (path, changes, signal) => {
    const folder = normalPath(path);
    const made = new Set<string>();
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const list = await edits.list(folder, signal);
      const held = new Map((list ?? EMPTY).secrets.map((item) => [item.secretKey, item]));
      const pending = pendingChanges(changes, (key) => heldIn(held.get(key)));
      if (pending === "moved") {
        requireOwn(changes, held, list ?? EMPTY, subject, folder);
        const ours = [...made].filter((key) => isOurs(heldIn(held.get(key)), changes.get(key)));
        await unmake(edits, folder, ours, signal);
        return "moved";
      }
      if (pending.size === 0) return "written";
      if (list === undefined) await edits.makeFolder(folder, signal);
      if ((await write(folder, pending, held, made, signal)) === "moved") return "moved";
    }
    throw new HelmwardenError(
      "StoreInvalid",
      `${subject} does not take what is to be written to ${folder}, or others keep changing it. See whether its project, environment and plan allow it.`,
    );
  };
}

function isOurs(held: HeldKey, change: KeyChange | undefined): boolean {
  return typeof held !== "string" && change?.to?.equals(held) === true;
}

function heldIn(item: Item | undefined): HeldKey {
  if (item === undefined) return "absent";
  const { secretValue, secretMetadata } = item;
  return typeof secretValue === "string" ? decodedValue(secretValue, secretMetadata) : "other";
}

type Write = readonly ["POST" | "PATCH" | "DELETE", readonly (readonly [string, JsonObject])[]];

function writesOf(pending: KeyChanges, held: ReadonlyMap<string, Item>): readonly Write[] {
  const items = (isMethod: (change: KeyChange) => boolean) =>
    [...pending]
      .filter(([, change]) => isMethod(change))
      .map(([key, { to }]): readonly [string, JsonObject] => [
        key,
        to === undefined ? { secretKey: key, type: "shared" } : itemOf(key, to, held.get(key)?.secretMetadata),
      ]);
  return [
    ["POST", items(({ from, to }) => from === undefined && to !== undefined)],
    ["PATCH", items(({ from, to }) => from !== undefined && to !== undefined)],
    ["DELETE", items(({ to }) => to === undefined)],
  ];
}

/** A secret that is read here but is not kept here looks as if somebody kept changing it. */
function requireOwn(
  changes: KeyChanges,
  held: ReadonlyMap<string, Item>,
  { imports }: SecretList,
  subject: string,
  folder: string,
): void {
  for (const [key, { from }] of changes) {
    const item = held.get(key);
    const isImported = imports.some(({ secrets }) => secrets.some(({ secretKey }) => secretKey === key));
    if (from !== undefined && item === undefined && isImported) {
      throw new HelmwardenError(
        "StoreInvalid",
        `The key ${key} at ${folder} of ${subject} is imported from another folder. Name that folder in its place.`,
      );
    }
    const isPlain = item?.secretMetadata.some((entry) => entry.key === ENCODED.key) !== true;
    if (from === undefined || !isPlain || typeof item?.secretValue !== "string") continue;
    if (/\$\{[^}]+\}/.test(item.secretValue) && !from.reveal().includes("${")) {
      throw new HelmwardenError(
        "StoreInvalid",
        `The key ${key} at ${folder} of ${subject} refers to another secret. Rotate that one in its place.`,
      );
    }
  }
}
