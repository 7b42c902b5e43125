import type { JsonObject } from "../../core/json.ts";
import type { SecretValue } from "../../core/secretValue.ts";
import { HelmwardenError } from "../../errors.ts";
import { jsonOf } from "../http.ts";
import type { HttpResponse } from "../httpExchange.ts";
import { decodedValue } from "./encoding.ts";
import { answerOf, requestError, shapeError } from "./faults.ts";
import { createFolderCalls, type WriteMethod, type WriterParts } from "./folderCalls.ts";
import { OneSecret, SecretList, Written } from "./schema.ts";

/** Single steps of a write. Paths are normal, see normalPath. */
export interface FolderEdits {
  /** What the folder itself has and what it imports, nothing expanded; undefined: there is no such folder. */
  list(path: string, signal: AbortSignal): Promise<SecretList | undefined>;
  /** What the folder itself has, by key; undefined: there is no such folder. */
  read(path: string, signal: AbortSignal): Promise<Held | undefined>;
  /** Makes the folder and its parents; nothing happens where it is there by now. */
  makeFolder(path: string, signal: AbortSignal): Promise<void>;
  /**
   * Creates, changes or deletes secrets, all or none; gives the versions that they now have. Undefined: one of them
   * was made or deleted meanwhile.
   */
  change(
    method: WriteMethod,
    path: string,
    secrets: JsonObject[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, number> | undefined>;
  /** What a secret held at an earlier version, as it was written; undefined: that is not kept. */
  textAt(path: string, key: string, version: number, signal: AbortSignal): Promise<string | undefined>;
}

/** By key; undefined for what is hidden or no text. */
export type Held = ReadonlyMap<string, SecretValue | undefined>;

export function createFolderEdits(parts: WriterParts): FolderEdits {
  const calls = createFolderCalls(parts);
  const { subject } = parts;

  async function list(path: string, signal: AbortSignal): Promise<SecretList | undefined> {
    const whole = { recursive: "false", includeImports: "true", include_imports: "true" };
    const response = await calls.get(path, undefined, whole, signal);
    const answer = answerOf(response);
    if (answer.status === 404 && answer.refusal === "SecretPathNotFound") return undefined;
    if (response.status !== 200) throw requestError(subject, answer);
    const found = SecretList.safeParse(jsonOf(response));
    if (!found.success) throw shapeError(subject);
    return found.data;
  }

  return {
    list,
    async read(path, signal) {
      const found = await list(path, signal);
      if (found === undefined) return undefined;
      return new Map(
        found.secrets.map(({ secretKey, secretValue, secretMetadata }) => [
          secretKey,
          typeof secretValue === "string" ? decodedValue(secretValue, secretMetadata) : undefined,
        ]),
      );
    },
    async makeFolder(path, signal) {
      const at = path.lastIndexOf("/");
      applied(await calls.makeFolder(path.slice(0, at) || "/", path.slice(at + 1), signal), subject);
    },
    async change(method, path, secrets, signal) {
      const response = await calls.batch(method, path, secrets, signal);
      // A key to be changed or deleted is gone.
      const isGone = response.status === 404 && method !== "POST" && answerOf(response).refusal === "NotFound";
      return isGone ? undefined : applied(response, subject)?.versions;
    },
    async textAt(path, key, version, signal) {
      const response = await calls.get(path, key, { version: String(version) }, signal);
      const answer = answerOf(response);
      if (answer.status === 404 && answer.refusal !== undefined) return undefined;
      if (response.status !== 200) throw requestError(subject, answer);
      return OneSecret.safeParse(jsonOf(response)).data?.secret.secretValue;
    },
  };
}

/** Undefined: refused with 400, as for what was made meanwhile. */
function applied(response: HttpResponse, subject: string): Written | undefined {
  if (response.status === 400) return undefined;
  if (response.status !== 200) throw requestError(subject, answerOf(response));
  const written = Written.safeParse(jsonOf(response));
  if (written.success) return written.data;
  throw new HelmwardenError(
    "StoreInvalid",
    `${subject} did not apply a write: the folder wants changes to be approved. Let the identity bypass its policy, or name another path.`,
  );
}
