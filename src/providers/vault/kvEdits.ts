import type { JsonObject } from "../../core/json.ts";
import { HelmwardenError } from "../../errors.ts";
import { jsonOf } from "../http.ts";
import type { KvChange, KvClient } from "./kvClient.ts";
import { withEncodedKeys } from "./markers.ts";
import { encodePath } from "./paths.ts";
import { Kv1, Kv2Current } from "./schema.ts";

/** What is at a path, as a write goes on from it. */
export interface Current {
  readonly secrets: JsonObject;
  /** KV 2: what a compare-and-set names; 0 for nothing there. */
  readonly version: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Single steps of a write at one mount, of the KV version that is given with each. StoreInvalid where Vault refuses one. */
export interface KvEdits {
  read(version: 1 | 2, path: string, signal: AbortSignal): Promise<Current>;
  /** All keys of the path. False: KV 2, and it is no longer at version `cas`. */
  put(version: 1 | 2, path: string, secrets: JsonObject, cas: number, signal: AbortSignal): Promise<boolean>;
  /** Deletes the newest version, as `vault kv delete`. */
  drop(version: 1 | 2, path: string, signal: AbortSignal): Promise<void>;
  /** KV 2: says in the metadata that just these keys are encoded. */
  mark(path: string, metadata: Current["metadata"], keys: ReadonlySet<string>, signal: AbortSignal): Promise<void>;
}

export function createKvEdits(kv: KvClient, mount: string, subject: string): KvEdits {
  const encodedMount = encodePath(mount);
  const at = (version: 1 | 2, path: string, part = "data"): Pick<KvChange, "path" | "shown"> => {
    const between = version === 2 ? `/${part}/` : "/";
    return { path: encodedMount + between + encodePath(path), shown: mount + between + path };
  };

  async function read(version: 1 | 2, path: string, signal: AbortSignal): Promise<Current> {
    const where = at(version, path);
    const response = await kv.get(where.path, where.shown, signal);
    const json = jsonOf(response);
    if (version === 1) {
      const one = Kv1.safeParse(json);
      return { secrets: one.success ? one.data.data : {}, version: 0, metadata: {} };
    }
    const two = Kv2Current.safeParse(json);
    if (!two.success && response.status === 404) return { secrets: {}, version: 0, metadata: {} };
    if (!two.success) throw refused(subject, where.shown);
    const { data, metadata } = two.data.data;
    return { secrets: data ?? {}, version: metadata.version, metadata: metadata.custom_metadata };
  }

  /** False: somebody else has written since. */
  async function put(
    version: 1 | 2,
    path: string,
    secrets: JsonObject,
    cas: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const json: JsonObject = version === 2 ? { options: { cas }, data: secrets } : secrets;
    const where = at(version, path);
    const response = await kv.change({ method: "POST", ...where, json, repeatable: true }, signal);
    if (response.status < 300) return true;
    const again = version === 2 ? await read(version, path, signal) : undefined;
    if (again === undefined || again.version === cas) throw refused(subject, where.shown);
    return false;
  }

  async function mark(
    path: string,
    metadata: Current["metadata"],
    keys: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<void> {
    const where = at(2, path, "metadata");
    const json = { custom_metadata: withEncodedKeys(metadata, keys) };
    const response = await kv.change({ method: "POST", ...where, json, repeatable: true }, signal);
    if (response.status >= 300) throw refused(subject, where.shown);
  }

  async function drop(version: 1 | 2, path: string, signal: AbortSignal): Promise<void> {
    const where = at(version, path);
    const response = await kv.change({ method: "DELETE", ...where, repeatable: true }, signal);
    if (response.status >= 300) throw refused(subject, where.shown);
  }

  return { read, put, drop, mark };
}

function refused(subject: string, shown: string): HelmwardenError {
  return new HelmwardenError(
    "StoreInvalid",
    `${subject} does not take what is to be written to ${shown}. See whether it is larger than its storage allows (raft: 1 MiB an entry), or its mount demands something else.`,
  );
}
