import { z } from "zod";
import { isJsonObject } from "../../core/json.ts";
import type { JsonObject } from "../../core/json.ts";

/** What we read of Vault's answers, and nothing else. */

export const Grant = z
  .object({ auth: z.object({ client_token: z.string(), lease_duration: z.number(), renewable: z.boolean() }) })
  .transform(({ auth }) => ({
    token: auth.client_token,
    ttlMs: auth.lease_duration * 1000,
    renewable: auth.renewable,
  }));
export type Grant = z.infer<typeof Grant>;

export const TokenState = z
  .object({ data: z.object({ ttl: z.number(), renewable: z.boolean().optional() }) })
  .transform(({ data }) => ({ ttlMs: data.ttl * 1000, renewable: data.renewable ?? false }));
export type TokenState = z.infer<typeof TokenState>;

export const Mount = z
  .object({
    data: z.object({
      path: z.string(),
      type: z.string(),
      options: z.object({ version: z.string().optional() }).nullish(),
    }),
  })
  .transform(({ data }) => ({
    path: data.path.replace(/\/$/, ""),
    type: data.type,
    version: data.options?.version === "2" ? (2 as const) : (1 as const),
  }));

export const Health = z.object({ sealed: z.boolean(), initialized: z.boolean() });

export const Refusal = z.object({ errors: z.array(z.string()) });

export const Warned = z.object({ data: z.null(), warnings: z.array(z.string()).min(1) });

/** Taken as it is: copying would lose a key named `__proto__`. */
const Secrets = z.custom<JsonObject>(isJsonObject);

export const Kv1 = z.object({ data: Secrets });

const CustomMetadata = z
  .record(z.string(), z.string())
  .nullish()
  .transform((entries) => entries ?? {});

const Kv2Version = z.object({ version: z.number(), created_time: z.string(), custom_metadata: CustomMetadata });
export const Kv2 = z.object({ data: z.object({ data: Secrets, metadata: Kv2Version }) });

export const Kv2Gone = z.object({
  data: z.object({ data: z.null(), metadata: z.object({ deletion_time: z.string(), destroyed: z.boolean() }) }),
});

/** What a write goes on from: data and version as they are now; data is null where the newest version is deleted. */
export const Kv2Current = z.object({
  data: z.object({
    data: Secrets.nullable(),
    metadata: z.object({ version: z.number(), custom_metadata: CustomMetadata }),
  }),
});

export const KvEvent = z
  .object({
    data: z.object({
      event_type: z.string(),
      event: z.object({ metadata: z.object({ path: z.string(), data_path: z.string().optional() }) }),
      plugin_info: z.object({ mount_path: z.string() }),
    }),
  })
  .transform(({ data }) => ({
    type: data.event_type,
    mountPath: data.plugin_info.mount_path.replace(/\/$/, ""),
    path: data.event.metadata.path,
    dataPath: data.event.metadata.data_path,
  }));

/** Of a folder; those that end with a slash are folders themselves. */
export const Names = z.object({ data: z.object({ keys: z.array(z.string().min(1)) }) });

export const RoleId = z.object({ data: z.object({ role_id: z.string().min(1) }) });

export const NewSecretId = z.object({
  data: z.object({ secret_id: z.string().min(1), secret_id_accessor: z.string().min(1) }),
});
