import { type DigestKey, digestOf } from "../../core/digest.ts";
import { isThere, type MigrationState } from "../../core/migration/journal.ts";
import type { ProposedSecret } from "../../core/migration/proposal.ts";
import type { ReadBySomebody, ReadTally } from "../../core/migration/secretReads.ts";
import type { SecretSync } from "../../core/spec.ts";
import { toHelmwardenError } from "../../errors.ts";
import type { Store } from "../../ports.ts";
import { inLanes } from "../lanes.ts";
import { LANES } from "./importAll.ts";
import type { Inventoried } from "./takeInventory.ts";

/** A raw Secret that was migrated and is still there. */
export interface Original {
  readonly namespace: string;
  readonly name: string;
  /** In the store. */
  readonly path: string;
  readonly resourceVersion: string;
  readonly readers: ProposedSecret["readers"];
  /** By the audit log, where there is one. */
  readonly reads: readonly ReadBySomebody[];
  /** Why it has to stay, in words for a person; empty: it may go. */
  readonly reasons: readonly string[];
}

export interface WatchInput {
  readonly store: Store;
  readonly digestKey: DigestKey;
  readonly state: MigrationState;
  /** The cluster as it is now. */
  readonly inventory: Inventoried;
  readonly syncs: readonly SecretSync[];
  readonly reads: ReadTally | undefined;
}

/** Who still needs each original, and whether the store has all that it holds. Reads the store, writes nothing. */
export async function watchOriginals(input: WatchInput, signal: AbortSignal): Promise<readonly Original[]> {
  const { proposal, secrets } = input.inventory;
  const found = proposal.secrets.flatMap((proposed, index) => {
    const raw = secrets[index];
    return raw !== undefined && input.state.items.has(proposed.path) ? [{ proposed, raw }] : [];
  });
  const originals: Original[] = [];
  await inLanes(found, LANES, async ({ proposed, raw }) => {
    const { namespace, name, path, readers } = proposed;
    const reads = input.reads?.of(namespace, name) ?? [];
    const reasons = [...reasonsOf(input, proposed, reads), ...(await notInStore(input, proposed, raw.data, signal))];
    const { resourceVersion } = raw;
    originals.push({ namespace, name, path, resourceVersion, readers, reads, reasons });
  });
  return originals.toSorted((left, right) => (left.path < right.path ? -1 : 1));
}

function reasonsOf(
  { inventory, syncs }: WatchInput,
  { namespace, name, release, readers }: ProposedSecret,
  reads: readonly ReadBySomebody[],
): string[] {
  const isSynced = syncs.some((sync) => sync.namespace === namespace && sync.secret === name);
  const { notSeen } = inventory.proposal;
  return [
    ...readers.map(({ object, by }) => `${object} reads it (${by.join(", ")})`),
    ...reads.map(
      ({ user, verbs, times, last }) => `${user} read it (${verbs.join(", ")}, ${times} times, last ${last})`,
    ),
    ...(isSynced ? ["a SecretSync of the configuration writes it"] : []),
    ...(release === undefined ? [] : [`it is part of release ${release}`]),
    ...notSeen.map((what) => `not known: ${what}`),
  ];
}

/** Each key, by the digest of the journal, here and there. */
async function notInStore(
  { store, digestKey, state }: WatchInput,
  { path, keys }: ProposedSecret,
  data: Inventoried["secrets"][number]["data"],
  signal: AbortSignal,
): Promise<string[]> {
  try {
    const reading = await store.readPath(path, signal);
    return keys.flatMap(({ key }) => {
      const digest = state.items.get(path)?.keys.get(key);
      const live = data.get(key);
      if (digest === undefined || !isThere(state.results.get(path)?.get(key))) return [`${key} was not imported`];
      if (live === undefined || digestOf(digestKey, live) !== digest) return [`${key} was changed since`];
      // The store may have moved on: that it has the key is what counts.
      return reading.kind === "found" && reading.secrets.has(key) ? [] : [`${key} is not in the store`];
    });
  } catch (caught) {
    return [toHelmwardenError(caught).message];
  }
}
