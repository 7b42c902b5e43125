import type { SecretEvent } from "../ports.ts";
import type { SecretHead } from "./secretHeads.ts";

/** The versions that a watch has told of, so that a list tells only what it missed. */
export interface KnownSecrets {
  /** Takes a whole list in; gives what moved or vanished since. The first one tells nothing: it is the start. */
  compare(heads: readonly SecretHead[]): SecretEvent[];
  /** Takes one event in; false if it was known. */
  learn(event: SecretEvent): boolean;
}

export function createKnownSecrets(): KnownSecrets {
  let versions: Map<string, string> | undefined;
  return {
    compare(heads) {
      const before = versions;
      versions = new Map(heads.map((head) => [keyOf(head), head.resourceVersion]));
      if (before === undefined) return [];
      const events = heads
        .filter((head) => before.get(keyOf(head)) !== head.resourceVersion)
        .map((head): SecretEvent => ({ kind: "changed", ...head }));
      for (const [key, resourceVersion] of before) {
        if (versions.has(key)) continue;
        const [namespace = "", name = ""] = key.split("/");
        events.push({ kind: "deleted", namespace, name, resourceVersion, labels: {} });
      }
      return events;
    },
    learn(event) {
      const key = keyOf(event);
      if (event.kind === "deleted") return versions?.delete(key) ?? false;
      const isNew = versions?.get(key) !== event.resourceVersion;
      versions?.set(key, event.resourceVersion);
      return isNew;
    },
  };
}

function keyOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}
