import type { Revision } from "../core/release.ts";
import type { GetSecret, ListedSecret, ListSecrets, ReadHistory, Releases } from "../ports.ts";
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

export function createReadRevision(getSecret: GetSecret): Releases["readRevision"] {
  return async ({ namespace, name }, revision, signal) => {
    const stored = await getSecret(namespace, `sh.helm.release.v1.${name}.v${revision}`, signal);
    return stored === undefined ? undefined : decodeRevision(stored);
  };
}

/** One revision as its storage Secret holds it; undefined: corrupt. Its status is that of the label, which Helm goes by. */
function decodeRevision({ data, labels, resourceVersion }: ListedSecret): Revision | undefined {
  const decoded = decodeRelease(data.open()["release"] ?? "");
  return decoded === undefined
    ? undefined
    : { ...decoded, status: toStatus(labels["status"]), resourceVersion, labels };
}
