import type { CoreV1Api } from "@kubernetes/client-node";
import { z } from "zod";
import type { RawSecret } from "../core/migration/rawSecret.ts";
import { SecretValue } from "../core/secretValue.ts";
import type { Inventory } from "../ports.ts";
import { type Api, orAbsent } from "./api.ts";
import { listPages, METADATA_ONLY } from "./listPages.ts";

/** A Secret may hold 1 MiB, and a page is one string. */
const PAGE = 25;
const NAMES_PAGE = 500;
const NOT_HELM = "type!=helm.sh/release.v1";

const texts = z.record(z.string(), z.string()).nullish();

const rawSecret = z
  .object({
    metadata: z.object({
      namespace: z.string(),
      name: z.string(),
      resourceVersion: z.string(),
      labels: texts,
      annotations: texts,
      ownerReferences: z.array(z.object({ kind: z.string(), name: z.string() })).nullish(),
    }),
    type: z.string().default("Opaque"),
    immutable: z.boolean().default(false),
    data: texts,
  })
  .transform(({ metadata, type, immutable, data }): RawSecret => ({
    namespace: metadata.namespace,
    name: metadata.name,
    resourceVersion: metadata.resourceVersion,
    type,
    immutable,
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
    owners: (metadata.ownerReferences ?? []).map(({ kind, name }) => `${kind}/${name}`),
    data: new Map(Object.entries(data ?? {}).map(([key, value]) => [key, SecretValue.fromBase64(value)])),
  }));

const releaseName = z
  .object({ metadata: z.object({ namespace: z.string(), labels: z.record(z.string(), z.string()).default({}) }) })
  .transform(({ metadata }) => ({ namespace: metadata.namespace, name: metadata.labels["name"] ?? "" }));

/** Secrets as a migration reads and restores them. */
export function createInventory(api: Api, core: CoreV1Api, referrers: Inventory["referrers"]): Inventory {
  return {
    referrers,
    secrets({ namespace, ...selector }, signal) {
      return listPages(
        api,
        {
          target: { verb: "list", resource: "secrets", ...(namespace === undefined ? {} : { namespace }) },
          item: rawSecret,
          limit: PAGE,
          invoke: (page, options) => {
            const query = { ...selector, ...page, fieldSelector: NOT_HELM };
            return namespace === undefined
              ? core.listSecretForAllNamespaces(query, options)
              : core.listNamespacedSecret({ namespace, ...query }, options);
          },
        },
        signal,
      );
    },
    async releaseNames(namespace, signal) {
      const labelSelector = "owner=helm";
      const found = await listPages(
        api,
        {
          target: { verb: "list", resource: "secrets", ...(namespace === undefined ? {} : { namespace }) },
          item: releaseName,
          limit: NAMES_PAGE,
          invoke: (page, options) =>
            namespace === undefined
              ? core.listSecretForAllNamespaces({ labelSelector, ...page }, options)
              : core.listNamespacedSecret({ namespace, labelSelector, ...page }, options),
          options: METADATA_ONLY,
        },
        signal,
      );
      return [...new Map(found.map((one) => [`${one.namespace}/${one.name}`, one])).values()];
    },
    get: (namespace, name, signal) =>
      orAbsent(
        api.call(
          { verb: "get", resource: "secrets", namespace, name },
          rawSecret,
          (options) => core.readNamespacedSecret({ namespace, name }, options),
          signal,
        ),
      ),
    put: createPut(api, core),
    remove: createRemove(api, core),
  };
}

function createPut(api: Api, core: CoreV1Api): Inventory["put"] {
  return async ({ namespace, name, type, immutable, labels, annotations, data }, over, dryRun, signal) => {
    const body = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { namespace, name, labels, annotations, ...(over === undefined ? {} : { resourceVersion: over }) },
      type,
      immutable,
      data: Object.fromEntries([...data].map(([key, value]) => [key, value.revealBytes().toString("base64")])),
    };
    const how = { namespace, body, ...(dryRun ? { dryRun: "All" } : {}) };
    await api.call(
      { verb: over === undefined ? "create" : "update", resource: "secrets", namespace, name },
      z.unknown(),
      (options) =>
        over === undefined
          ? core.createNamespacedSecret(how, options)
          : core.replaceNamespacedSecret({ ...how, name }, options),
      signal,
      { idempotent: false },
    );
  };
}

function createRemove(api: Api, core: CoreV1Api): Inventory["remove"] {
  return async ({ namespace, name, resourceVersion }, signal) => {
    const body = { preconditions: { resourceVersion } };
    const target = { verb: "delete", resource: "secrets", namespace, name } as const;
    await orAbsent(
      api.call(
        target,
        z.unknown(),
        (options) => core.deleteNamespacedSecret({ namespace, name, body }, options),
        signal,
      ),
    );
  };
}
