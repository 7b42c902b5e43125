import type { CoreV1Api } from "@kubernetes/client-node";
import { z } from "zod";
import { SecretValue } from "../core/secretValue.ts";
import { HelmwardenError } from "../errors.ts";
import type { LiveSecret, SecretObjects } from "../ports.ts";
import { type Api, orAbsent, statusOf } from "./api.ts";
import { managedFields, newestWrite } from "./managedFields.ts";
import { SERVER_SIDE_APPLY } from "./patchTypes.ts";
import { createPutBack } from "./putBack.ts";

const ATTEMPTS = 3;
const CONFLICT = 409;

/**
 * Secrets as objects of their own. `apply` never takes a key away: what our field manager owns and is not given
 * goes again with its present value, as server-side apply would remove it. Throws ConfigInvalid for an immutable
 * Secret, ReleaseConflict when others keep changing it.
 */
export function createSecretObjects(api: Api, core: CoreV1Api, fieldManager: string): SecretObjects {
  const shape = liveSecret(fieldManager);

  const get: SecretObjects["get"] = (namespace, name, signal) =>
    orAbsent(
      api.call(
        { verb: "get", resource: "secrets", namespace, name },
        shape,
        (options) => core.readNamespacedSecret({ namespace, name }, options),
        signal,
      ),
    );

  const applyOnce: SecretObjects["apply"] = async (namespace, name, data, signal, type) => {
    const present = await get(namespace, name, signal);
    if (present?.immutable) throw immutable(namespace, name);
    const body = {
      apiVersion: "v1",
      kind: "Secret",
      // With the version that we read: a key kept below must not undo what somebody wrote in between.
      metadata: { name, namespace, ...(present === undefined ? {} : { resourceVersion: present.resourceVersion }) },
      // The one that it has, where it is there: to apply without a type that we own would mean to take it away.
      type: present?.type ?? type,
      data: encode(new Map([...ownedData(present), ...data])),
    };
    return api.call(
      { verb: "patch", resource: "secrets", namespace, name },
      shape,
      (options) => core.patchNamespacedSecret({ name, namespace, body, fieldManager, force: true }, options),
      signal,
      SERVER_SIDE_APPLY,
    );
  };

  const apply: SecretObjects["apply"] = async (namespace, name, data, signal, type) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await applyOnce(namespace, name, data, signal, type);
      } catch (caught) {
        if (statusOf(caught) !== CONFLICT || attempt === ATTEMPTS) throw caught;
      }
    }
  };
  return { get, apply, putBack: createPutBack(api, core) };
}

function* ownedData(present: LiveSecret | undefined): Generator<[string, SecretValue]> {
  for (const key of present?.ownedKeys ?? []) {
    const value = present?.data.get(key);
    if (value !== undefined) yield [key, value];
  }
}

function encode(data: ReadonlyMap<string, SecretValue>): Record<string, string> {
  return Object.fromEntries([...data].map(([key, value]) => [key, value.revealBytes().toString("base64")]));
}

function immutable(namespace: string, name: string): HelmwardenError {
  return new HelmwardenError(
    "ConfigInvalid",
    `The Secret ${name} in namespace ${namespace} is immutable. Delete it, so that helmwarden makes it anew, or point the chart at another Secret.`,
  );
}

const ownedFields = z.object({ "f:data": z.record(z.string(), z.unknown()).optional() });

function liveSecret(fieldManager: string): z.ZodType<LiveSecret> {
  return z
    .object({
      metadata: z.object({
        namespace: z.string(),
        name: z.string(),
        resourceVersion: z.string(),
        managedFields,
      }),
      type: z.string().default("Opaque"),
      immutable: z.boolean().default(false),
      data: z.record(z.string(), z.string()).nullish(),
    })
    .transform(({ metadata, type, immutable: fixed, data }) => {
      const ours = (metadata.managedFields ?? []).filter(
        ({ manager, operation }) => manager === fieldManager && operation === "Apply",
      );
      return {
        namespace: metadata.namespace,
        name: metadata.name,
        resourceVersion: metadata.resourceVersion,
        type,
        immutable: fixed,
        data: new Map(Object.entries(data ?? {}).map(([key, value]) => [key, SecretValue.fromBase64(value)])),
        ownedKeys: new Set(ours.flatMap(({ fieldsV1 }) => ownedKeys(fieldsV1))),
        writtenAt: newestWrite(metadata.managedFields),
      };
    });
}

function ownedKeys(fieldsV1: unknown): string[] {
  const fields = ownedFields.safeParse(fieldsV1);
  return Object.keys(fields.data?.["f:data"] ?? {}).flatMap((key) => (key.startsWith("f:") ? [key.slice(2)] : []));
}
