import { setImmediate as othersTurn } from "node:timers/promises";
import { formatKey, type ReleaseKey, type ReleaseStatus } from "../core/release.ts";
import { HelmwardenError } from "../errors.ts";
import type { GetSecret, ListSecrets, PatchStored, ReleaseReading, Releases } from "../ports.ts";
import { createReadRevision } from "./history.ts";
import { createUnlock } from "./unlock.ts";
import { decodeHeads } from "./decodeHeads.ts";
import {
  chooseHeads,
  createListStorage,
  groupByRelease,
  headsOf,
  type ListStorage,
  NOT_HISTORY,
  OWNED,
  releaseIdOf,
  type StoredHead,
} from "./storageHeads.ts";
import { createLoadPayloads } from "./storagePayloads.ts";

/** What a release was when it was last decoded. */
interface Kept {
  readonly reading: ReleaseReading;
  /** Of the Secrets of `last` and `base`. */
  readonly lastVersion: string;
  readonly baseVersion: string | undefined;
  /** As its payload tells; undefined where that is corrupt. */
  readonly lastStatus: ReleaseStatus | undefined;
}

/** Names of so few releases go into the label selector. */
const MOST_NAMED = 20;
const ATTEMPTS = 3;

/** Release names as Helm takes them; anything else is not stored, and could change the selector's meaning. */
const RELEASE_NAME = /^[a-z0-9]([a-z0-9.-]{0,51}[a-z0-9])?$/;

/**
 * Helm's storage in Secrets, read through the API and never by a helm process: metadata first, then only the
 * newest revision and the one that an upgrade would build on, and those only when they moved. The drivers
 * "configmap", "sql" and "memory" are not supported: their releases are `missing`.
 *
 * `read` throws ClusterDenied where we may not read, and ReleaseConflict where a release does not come to rest;
 * `readAll` leaves such releases out of its answer, so that the others go on. Both throw ClusterUnavailable.
 */
export function createReleases(listSecrets: ListSecrets, getSecret: GetSecret, patchStored: PatchStored): Releases {
  const listStorage = createListStorage(listSecrets);
  const listHeads = createListHeads(listStorage);
  const loadPayloads = createLoadPayloads(listStorage, getSecret);
  const kept = new Map<string, Kept>();

  /** Decodes what `load` brings, or gives undefined where somebody wrote in between. */
  const refresh = async (
    key: ReleaseKey,
    heads: readonly StoredHead[],
    load: typeof loadPayloads,
    signal: AbortSignal,
  ): Promise<ReleaseReading | undefined> => {
    const decoded = await decodeHeads(key, heads, (wanted) => load(wanted, signal));
    if (decoded !== undefined) kept.set(formatKey(key), decoded);
    return decoded?.reading;
  };

  const read: Releases["read"] = async (key, signal) => {
    if (!RELEASE_NAME.test(key.name)) return { kind: "missing" };
    const query = { namespace: key.namespace, labelSelector: `${OWNED},name=${key.name}`, metadataOnly: true };
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const heads = groupByRelease(await listSecrets(query, signal)).get(releaseIdOf(key)) ?? [];
      const known = recall(kept, key, heads) ?? (await refresh(key, heads, loadPayloads, signal));
      if (known !== undefined) return known;
    }
    throw new HelmwardenError(
      "ReleaseConflict",
      `The release ${formatKey(key)} cannot be read as a whole: another helm is changing it, or we may list but not get its Secrets. The next pass reads it again.`,
    );
  };

  const readAll: Releases["readAll"] = async (keys, signal) => {
    const readings = new Map<string, ReleaseReading>();
    const listing = await listHeads(
      keys.filter((key) => RELEASE_NAME.test(key.name)),
      signal,
    );
    const moved: { key: ReleaseKey; heads: readonly StoredHead[] }[] = [];
    for (const key of keys) {
      if (listing.denied.has(key.namespace)) continue;
      const heads = listing.heads.get(releaseIdOf(key)) ?? [];
      const known = recall(kept, key, heads);
      if (known === undefined) moved.push({ key, heads });
      else readings.set(formatKey(key), known);
    }
    const payloads = await loadPayloads(
      moved.flatMap(({ heads }) => headsOf(chooseHeads(heads))),
      signal,
    );
    for (const { key, heads } of moved) {
      await othersTurn();
      const load: typeof loadPayloads = async (wanted) =>
        wanted.every((head) => payloads.has(head.id)) ? payloads : loadPayloads(wanted, signal);
      const reading = (await refresh(key, heads, load, signal)) ?? (await unlessItsOwnFault(read(key, signal)));
      if (reading !== undefined) readings.set(formatKey(key), reading);
    }
    return readings;
  };

  const [readRevision, readHeads] = [createReadRevision(getSecret), createReadHeads(listHeads)];
  return { read, readAll, readRevision, readHeads, unlock: createUnlock(getSecret, patchStored) };
}

interface ListedHeads {
  /** By `namespace/name`; perhaps without the superseded ones, where one is deployed. */
  readonly heads: ReadonlyMap<string, readonly StoredHead[]>;
  readonly denied: ReadonlySet<string>;
}

type ListHeads = (keys: readonly ReleaseKey[], signal: AbortSignal) => Promise<ListedHeads>;

/**
 * Superseded revisions may be nine in ten, and none of them is chosen as long as one is deployed: of many releases,
 * they are listed for those only that have no deployed one.
 */
function createListHeads(listStorage: ListStorage): ListHeads {
  const list = async (keys: readonly ReleaseKey[], many: string, signal: AbortSignal): Promise<ListedHeads> => {
    const namespaces = new Set(keys.map((key) => key.namespace));
    const labelSelector = namedSelector(keys) ?? many;
    const { secrets, denied } = await listStorage({ namespaces, labelSelector, metadataOnly: true }, signal);
    return { heads: groupByRelease(secrets), denied };
  };
  return async (keys, signal) => {
    const { heads, denied } = await list(keys, `${OWNED},${NOT_HISTORY}`, signal);
    const isClear = (key: ReleaseKey): boolean =>
      denied.has(key.namespace) || (heads.get(releaseIdOf(key)) ?? []).some(({ status }) => status === "deployed");
    const unclear = keys.filter((key) => !isClear(key));
    if (unclear.length === 0 || namedSelector(keys) !== undefined) return { heads, denied };
    return { heads: new Map([...heads, ...(await list(unclear, OWNED, signal)).heads]), denied };
  };
}

function createReadHeads(listHeads: ListHeads): Releases["readHeads"] {
  return async (keys, signal) => {
    const { heads } = await listHeads(keys, signal);
    return new Map(
      keys.flatMap((key) => {
        const newest = chooseHeads(heads.get(releaseIdOf(key)) ?? [])?.last;
        return newest === undefined ? [] : [[formatKey(key), newest] as const];
      }),
    );
  };
}

/** What we know already: `missing`, or the very reading of last time when neither Secret has moved. */
function recall(kept: Map<string, Kept>, key: ReleaseKey, heads: readonly StoredHead[]): ReleaseReading | undefined {
  const before = kept.get(formatKey(key));
  const chosen = chooseHeads(heads, before?.lastStatus);
  if (chosen === undefined) {
    kept.delete(formatKey(key));
    return { kind: "missing" };
  }
  const isUnmoved =
    before?.lastVersion === chosen.last.resourceVersion && before.baseVersion === chosen.base?.resourceVersion;
  return isUnmoved ? before.reading : undefined;
}

function namedSelector(keys: readonly ReleaseKey[]): string | undefined {
  const names = new Set(keys.map((key) => key.name));
  return names.size <= MOST_NAMED ? `${OWNED},name in (${[...names].join(",")})` : undefined;
}

async function unlessItsOwnFault<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (caught) {
    const isItsOwn = caught instanceof HelmwardenError && ["ClusterDenied", "ReleaseConflict"].includes(caught.code);
    if (isItsOwn) return undefined;
    throw caught;
  }
}
