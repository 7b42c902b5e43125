import { KvEvent } from "./schema.ts";

/** Of KV 2, by what was called. */
const CALLS = /^(data|metadata|delete|undelete|destroy)\//;

export type EventPath =
  | { readonly kind: "path"; readonly path: string }
  /** Of another mount, or about no secret. */
  | { readonly kind: "other" }
  /** In a form that we do not know. */
  | { readonly kind: "unknown" };

/**
 * Which secret an event is about, as readPath names it. Vault 1.15 and later put the mount before the path of the
 * event and tell a `data_path`; the experiment of 1.13 and 1.14 does neither.
 */
export function eventPath(json: unknown, mount: string): EventPath {
  const event = KvEvent.safeParse(json);
  if (!event.success) return { kind: "unknown" };
  const { type, mountPath, path, dataPath } = event.data;
  if (mountPath !== mount) return { kind: "other" };
  const below = dataPath?.startsWith(`${mount}/`) === true ? dataPath.slice(mount.length + 1) : path;
  if (!type.startsWith("kv-v2/")) return { kind: "path", path: below };
  return CALLS.test(below) ? { kind: "path", path: below.replace(CALLS, "") } : { kind: "other" };
}
