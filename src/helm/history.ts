import type { ListSecrets, ReadHistory } from "../ports.ts";
import { decodeRelease, toStatus } from "./decodeRelease.ts";
import { OWNED } from "./storageHeads.ts";

/** Reads all that Helm's storage keeps of a release: megabytes, for a person who asks what it holds. */
export function createReadHistory(listSecrets: ListSecrets): ReadHistory {
  return async ({ namespace, name }, signal) => {
    const labelSelector = `${OWNED},name=${name}`;
    const stored = await listSecrets({ namespace, labelSelector, metadataOnly: false }, signal);
    return stored.flatMap(({ data, labels, resourceVersion }) => {
      const decoded = decodeRelease(data.open()["release"] ?? "");
      if (decoded === undefined) return [];
      return [{ ...decoded, status: toStatus(labels["status"]), resourceVersion, labels }];
    });
  };
}
