import type { CoreV1Api } from "@kubernetes/client-node";
import { z } from "zod";
import type { SecretObjects } from "../ports.ts";
import type { Api } from "./api.ts";
import { SERVER_SIDE_APPLY, STRATEGIC_MERGE } from "./patchTypes.ts";

/** The field manager of the helm command line, both majors. */
const HELM = "helm";

/**
 * Sets keys of a Secret as helm itself. Helm 4 applies by server-side apply: a key that somebody patched belongs to
 * them, and the next `helm upgrade` that changes it fails with a conflict. Applying what helm owns, with the keys put
 * right, as helm, gives the ownership back. A Secret that helm wrote by patches (Helm 3) is patched.
 */
export function createPutBack(api: Api, core: CoreV1Api): SecretObjects["putBack"] {
  return async (namespace, name, data, signal) => {
    const where = { resource: "secrets", namespace, name };
    const present = await api.call(
      { verb: "get", ...where },
      ownedByHelm,
      (options) => core.readNamespacedSecret({ namespace, name }, options),
      signal,
    );
    const encoded = Object.fromEntries([...data].map(([key, value]) => [key, value.revealBytes().toString("base64")]));
    const { resourceVersion, applied } = present;
    const body = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name, namespace, resourceVersion, ...applied?.metadata },
      ...(applied === undefined ? {} : { type: applied.type }),
      data: { ...applied?.data, ...encoded },
    };
    const [patch, force] = applied === undefined ? [STRATEGIC_MERGE, {}] : [SERVER_SIDE_APPLY, { force: true }];
    await api.call(
      { verb: "patch", ...where },
      z.unknown(),
      (options) => core.patchNamespacedSecret({ name, namespace, body, fieldManager: HELM, ...force }, options),
      signal,
      patch,
    );
  };
}

const fields = z.record(z.string(), z.unknown()).default({});
const owned = z.object({
  "f:data": fields,
  "f:metadata": z.object({ "f:labels": fields, "f:annotations": fields }).prefault({}),
});
const texts = z.record(z.string(), z.string()).nullish();

/** What helm would send again of a Secret that it applied: the fields that its manager owns, with their live values. */
const ownedByHelm = z
  .object({
    metadata: z.object({
      resourceVersion: z.string(),
      labels: texts,
      annotations: texts,
      managedFields: z
        .array(z.object({ manager: z.string().optional(), operation: z.string().optional(), fieldsV1: z.unknown() }))
        .default([]),
    }),
    type: z.string().default("Opaque"),
    data: texts,
  })
  .transform(({ metadata, type, data }) => {
    const { resourceVersion, labels, annotations, managedFields } = metadata;
    const entry = managedFields.find(({ manager, operation }) => manager === HELM && operation === "Apply");
    if (entry === undefined) return { resourceVersion, applied: undefined };
    const own = owned.parse(entry.fieldsV1);
    const kept = {
      labels: pick(labels, own["f:metadata"]["f:labels"]),
      annotations: pick(annotations, own["f:metadata"]["f:annotations"]),
    };
    return { resourceVersion, applied: { type, metadata: kept, data: pick(data, own["f:data"]) } };
  });

/** The entries whose `f:` name is owned. */
function pick(from: Record<string, string> | null | undefined, own: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(from ?? {}).filter(([key]) => Object.hasOwn(own, `f:${key}`)));
}
