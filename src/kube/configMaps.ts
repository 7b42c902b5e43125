import type { CoreV1Api } from "@kubernetes/client-node";
import { z } from "zod";
import { HelmwardenError } from "../errors.ts";
import type { Cluster } from "../ports.ts";
import { type Api, orAbsent } from "./api.ts";
import { listPages, METADATA_ONLY } from "./listPages.ts";
import { managedFields, newestWrite } from "./managedFields.ts";

const METADATA_PAGE = 500;
const PAYLOAD_PAGE = 100;

export const configMap = z.object({
  metadata: z.object({
    namespace: z.string(),
    name: z.string(),
    resourceVersion: z.string(),
    managedFields,
  }),
  data: z.record(z.string(), z.string()).default({}),
});
export type ConfigMap = z.infer<typeof configMap>;

export type ReadConfigMap = (namespace: string, name: string, signal: AbortSignal) => Promise<ConfigMap | undefined>;

export function createReadConfigMap(api: Api, core: CoreV1Api): ReadConfigMap {
  return (namespace, name, signal) =>
    orAbsent(
      api.call(
        { verb: "get", resource: "configmaps", namespace, name },
        configMap,
        (options) => core.readNamespacedConfigMap({ namespace, name }, options),
        signal,
      ),
    );
}

export function createConfigMapWrittenAt(read: ReadConfigMap): Cluster["configMapWrittenAt"] {
  return async (namespace, name, signal) => newestWrite((await read(namespace, name, signal))?.metadata.managedFields);
}

export type ListConfigMaps = (
  namespaces: readonly string[],
  metadataOnly: boolean,
  signal: AbortSignal,
) => Promise<readonly ConfigMap[]>;

/** One list for all namespaces; one for each from the day on which the cluster denies us that. */
export function createListConfigMaps(api: Api, core: CoreV1Api, labelSelector: string): ListConfigMaps {
  let denied = false;

  const listIn = (
    namespace: string | undefined,
    metadataOnly: boolean,
    signal: AbortSignal,
  ): Promise<readonly ConfigMap[]> =>
    listPages(
      api,
      {
        target: { verb: "list", resource: "configmaps", ...(namespace === undefined ? {} : { namespace }) },
        item: configMap,
        limit: metadataOnly ? METADATA_PAGE : PAYLOAD_PAGE,
        invoke: (page, options) =>
          namespace === undefined
            ? core.listConfigMapForAllNamespaces({ labelSelector, ...page }, options)
            : core.listNamespacedConfigMap({ namespace, labelSelector, ...page }, options),
        options: metadataOnly ? METADATA_ONLY : {},
      },
      signal,
    );

  return async (namespaces, metadataOnly, signal) => {
    const wanted = new Set(namespaces);
    if (wanted.size > 1 && !denied) {
      try {
        const found = await listIn(undefined, metadataOnly, signal);
        return found.filter(({ metadata }) => wanted.has(metadata.namespace));
      } catch (caught) {
        if (!(caught instanceof HelmwardenError) || caught.code !== "ClusterDenied") throw caught;
        denied = true;
      }
    }
    const found: ConfigMap[] = [];
    for (const namespace of wanted) found.push(...(await listIn(namespace, metadataOnly, signal)));
    return found;
  };
}
