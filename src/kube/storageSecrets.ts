import type { CoreV1Api } from "@kubernetes/client-node";
import { z } from "zod";
import { Sealed } from "../core/secretValue.ts";
import type { GetSecret, ListedSecret, ListSecrets, PatchStored } from "../ports.ts";
import { type Api, orAbsent } from "./api.ts";
import { listPages, METADATA_ONLY } from "./listPages.ts";
import { STRATEGIC_MERGE } from "./patchTypes.ts";

const METADATA_PAGE = 500;
/** A Secret may hold 1 MiB, and a page is one string. */
const PAYLOAD_PAGE = 100;

const storedSecret = z
  .object({
    metadata: z.object({
      namespace: z.string(),
      name: z.string(),
      resourceVersion: z.string(),
      labels: z.record(z.string(), z.string()).optional(),
    }),
    data: z.record(z.string(), z.string()).nullish(),
  })
  .transform(({ metadata, data }): ListedSecret => ({
    namespace: metadata.namespace,
    name: metadata.name,
    resourceVersion: metadata.resourceVersion,
    labels: metadata.labels ?? {},
    data: new Sealed(data ?? {}),
  }));

export function createListSecrets(api: Api, core: CoreV1Api): ListSecrets {
  return ({ namespace, labelSelector, metadataOnly }, signal) =>
    listPages(
      api,
      {
        target: { verb: "list", resource: "secrets", ...(namespace === undefined ? {} : { namespace }) },
        item: storedSecret,
        limit: metadataOnly ? METADATA_PAGE : PAYLOAD_PAGE,
        invoke: (page, options) =>
          namespace === undefined
            ? core.listSecretForAllNamespaces({ labelSelector, ...page }, options)
            : core.listNamespacedSecret({ namespace, labelSelector, ...page }, options),
        options: metadataOnly ? METADATA_ONLY : {},
      },
      signal,
    );
}

export function createPatchStored(api: Api, core: CoreV1Api, fieldManager: string): PatchStored {
  return async ({ namespace, name, resourceVersion, labels, data }, signal) => {
    const body = { metadata: { resourceVersion, labels }, data: data.open() };
    await api.call(
      { verb: "patch", resource: "secrets", namespace, name },
      z.unknown(),
      (options) => core.patchNamespacedSecret({ name, namespace, body, fieldManager }, options),
      signal,
      STRATEGIC_MERGE,
    );
  };
}

export function createGetSecret(api: Api, core: CoreV1Api): GetSecret {
  return (namespace, name, signal) =>
    orAbsent(
      api.call(
        { verb: "get", resource: "secrets", namespace, name },
        storedSecret,
        (options) => core.readNamespacedSecret({ namespace, name }, options),
        signal,
      ),
    );
}
