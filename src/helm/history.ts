import type { Revision } from "../core/release.ts";
import type { ListedSecret, ListSecrets, ReadHistory } from "../ports.ts";
import { decodeRelease, toStatus } from "./decodeRelease.ts";
import { OWNED } from "./storageHeads.ts";

/** Reads all that Helm's storage keeps of a release: megabytes, for a person who asks what it holds. */
export function createReadHistory(listSecrets: ListSecrets): ReadHistory {
  return async ({ namespace, name }, signal) => {
    const labelSelector = `${OWNED},name=${name}`;
    const stored = await listSecrets({ namespace, labelSelector, metadataOnly: false }, signal);
    return stored.flatMap((secret) => decodeRevision(secret) ?? []);
  };
}

/** One revision as its storage Secret holds it; undefined: corrupt. Its status is that of the label, which Helm goes by. */
export function decodeRevision({ data, labels, resourceVersion }: ListedSecret): Revision | undefined {
  const decoded = decodeRelease(data.open()["release"] ?? "");
  return decoded === undefined
    ? undefined
    : { ...decoded, status: toStatus(labels["status"]), resourceVersion, labels };
}
