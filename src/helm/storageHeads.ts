import { type ReleaseKey, type RevisionHead, chooseRevisions, type ReleaseStatus } from "../core/release.ts";
import { HelmwardenError } from "../errors.ts";
import type { ListedSecret, ListSecrets } from "../ports.ts";
import { toStatus } from "./decodeRelease.ts";

/** The label of all that Helm stores, and of all that an upgrade may look at (but for broken histories). */
export const OWNED = "owner=helm";
export const NOT_HISTORY = "status!=superseded";

/** One revision as its storage Secret's metadata tells. */
export interface StoredHead extends RevisionHead {
  /** `namespace/name` of the Secret. */
  readonly id: string;
  readonly namespace: string;
  readonly secret: string;
  readonly release: string;
}

export interface Chosen {
  readonly last: StoredHead;
  readonly base: StoredHead | undefined;
}

/**
 * Chooses as Helm does, who looks up deployed revisions by label, and takes the status of the last one from its
 * payload (pkg/storage/storage.go, Deployed and Last). `lastStatus` is that, once it is known.
 */
export function chooseHeads(heads: readonly StoredHead[], lastStatus?: ReleaseStatus): Chosen | undefined {
  const byLabel = chooseRevisions(heads);
  if (byLabel === undefined || lastStatus === undefined || byLabel.last.status === "deployed") return byLabel;
  const { last } = byLabel;
  const chosen = chooseRevisions(heads.map((head) => (head === last ? { ...head, status: lastStatus } : head)));
  return { last, base: chosen?.base?.revision === last.revision ? last : chosen?.base };
}

/** The one or two that are to be read. */
export function headsOf(chosen: Chosen | undefined): StoredHead[] {
  if (chosen === undefined) return [];
  return chosen.base === undefined || chosen.base === chosen.last ? [chosen.last] : [chosen.last, chosen.base];
}

export function idOf(secret: ListedSecret): string {
  return `${secret.namespace}/${secret.name}`;
}

/** `namespace/name` of the release. */
export function releaseIdOf({ namespace, name }: Pick<ReleaseKey, "namespace" | "name">): string {
  return `${namespace}/${name}`;
}

export function groupByRelease(listed: readonly ListedSecret[]): ReadonlyMap<string, readonly StoredHead[]> {
  const groups = new Map<string, StoredHead[]>();
  for (const secret of listed) {
    const head = headOf(secret);
    if (head === undefined) continue;
    const id = releaseIdOf({ namespace: head.namespace, name: head.release });
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [head]);
    else group.push(head);
  }
  return groups;
}

const SECRET_NAME = /^sh\.helm\.release\.v1\.(.+)\.v([1-9]\d{0,8})$/;

/** Name and revision come from the Secret's own name, which nobody can change. */
function headOf(secret: ListedSecret): StoredHead | undefined {
  const [, release, revision] = SECRET_NAME.exec(secret.name) ?? [];
  if (release === undefined) return undefined;
  return {
    id: idOf(secret),
    namespace: secret.namespace,
    secret: secret.name,
    release,
    revision: Number(revision),
    status: toStatus(secret.labels["status"]),
    resourceVersion: secret.resourceVersion,
    labels: secret.labels,
  };
}

export interface StorageQuery {
  readonly namespaces: ReadonlySet<string>;
  readonly labelSelector: string;
  readonly metadataOnly: boolean;
}

export interface StorageListing {
  readonly secrets: readonly ListedSecret[];
  /** Namespaces that we may not list. */
  readonly denied: ReadonlySet<string>;
}

export type ListStorage = (query: StorageQuery, signal: AbortSignal) => Promise<StorageListing>;

/** One list for several namespaces, over the whole cluster; where that is denied, from then on one for each. */
export function createListStorage(listSecrets: ListSecrets): ListStorage {
  let clusterDenied = false;
  return async ({ namespaces, labelSelector, metadataOnly }, signal) => {
    if (namespaces.size > 1 && !clusterDenied) {
      const all = await unlessDenied(listSecrets({ labelSelector, metadataOnly }, signal));
      if (all !== undefined) {
        return { secrets: all.filter((secret) => namespaces.has(secret.namespace)), denied: new Set() };
      }
      clusterDenied = true;
    }
    const secrets: ListedSecret[] = [];
    const denied = new Set<string>();
    for (const namespace of namespaces) {
      const found = await unlessDenied(listSecrets({ namespace, labelSelector, metadataOnly }, signal));
      if (found === undefined) denied.add(namespace);
      else for (const secret of found) secrets.push(secret);
    }
    return { secrets, denied };
  };
}

async function unlessDenied<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (caught) {
    if (caught instanceof HelmwardenError && caught.code === "ClusterDenied") return undefined;
    throw caught;
  }
}
