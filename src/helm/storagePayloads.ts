import { HelmwardenError } from "../errors.ts";
import type { GetSecret, ListedSecret } from "../ports.ts";
import { idOf, type ListStorage, NOT_HISTORY, OWNED, type StoredHead } from "./storageHeads.ts";

/** With more than so many to read, one list in pages is cheaper than a call for each. */
const MOST_SINGLE_READS = 50;
const READS_AT_ONCE = 8;

/** Payloads by `namespace/name` of their Secrets. What is gone or denied meanwhile is left out. */
export type LoadPayloads = (
  heads: readonly StoredHead[],
  signal: AbortSignal,
) => Promise<ReadonlyMap<string, ListedSecret>>;

export function createLoadPayloads(listStorage: ListStorage, getSecret: GetSecret): LoadPayloads {
  const loadOne = async (head: StoredHead, signal: AbortSignal): Promise<ListedSecret | undefined> => {
    try {
      return await getSecret(head.namespace, head.secret, signal);
    } catch (caught) {
      if (caught instanceof HelmwardenError && caught.code === "ClusterDenied") return undefined;
      throw caught;
    }
  };

  return async (heads, signal) => {
    const wanted = new Set(heads.map((head) => head.id));
    const payloads = new Map<string, ListedSecret>();
    const take = (secret: ListedSecret | undefined): void => {
      if (secret === undefined) return;
      if (wanted.has(idOf(secret))) payloads.set(idOf(secret), secret);
    };
    if (wanted.size > MOST_SINGLE_READS) {
      const namespaces = new Set(heads.map((head) => head.namespace));
      // History is most of the bytes, and is read only where a release has nothing better.
      const query = { namespaces, labelSelector: `${OWNED},${NOT_HISTORY}`, metadataOnly: false };
      for (const secret of (await listStorage(query, signal)).secrets) take(secret);
    }
    const rest = heads.filter((head) => !payloads.has(head.id));
    for (let at = 0; at < rest.length; at += READS_AT_ONCE) {
      const batch = rest.slice(at, at + READS_AT_ONCE);
      for (const secret of await Promise.all(batch.map((head) => loadOne(head, signal)))) take(secret);
    }
    return payloads;
  };
}
