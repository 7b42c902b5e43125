import { storePathOf } from "../../core/migration/storePath.ts";
import type { Cluster, LiveSecret, PathReading, SecretObjects, Store } from "../../ports.ts";

/** Answers a path that was read before from that reading: to verify and then to plan needs each path once. */
export function rememberingStore(store: Store): Store {
  const known = new Map<string, PathReading>();
  return {
    ...store,
    async readPath(path, signal) {
      const id = storePathOf(path, "", "", "vault");
      const reading = known.get(id) ?? (await store.readPath(path, signal));
      known.set(id, reading);
      return reading;
    },
  };
}

/** `get` from lists that are made now, a page for many; what is not in them is read by itself. For plans only. */
export async function listedSecrets(
  { inventory, secrets }: Pick<Cluster, "inventory" | "secrets">,
  namespaces: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<SecretObjects> {
  const known = new Map<string, LiveSecret>();
  for (const namespace of namespaces) {
    for (const { namespace: at, name, resourceVersion, type, immutable, data } of await inventory.secrets(
      { namespace },
      signal,
    )) {
      const unseen = { ownedKeys: new Set<string>(), writtenAt: undefined };
      known.set(`${at}/${name}`, { namespace: at, name, resourceVersion, type, immutable, data, ...unseen });
    }
  }
  return {
    ...secrets,
    get: async (namespace, name, during) =>
      known.get(`${namespace}/${name}`) ?? (await secrets.get(namespace, name, during)),
  };
}
