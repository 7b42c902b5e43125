import type { JsonObject } from "../../core/json.ts";
import type { SecretValue } from "../../core/secretValue.ts";
import { HelmwardenError } from "../../errors.ts";
import { type HttpClient, jsonOf } from "../http.ts";
import { decodedValue } from "./encoding.ts";
import { answerOf, requestError, shapeError } from "./faults.ts";
import type { InfisicalOptions } from "./options.ts";
import type { ProjectLookup } from "./project.ts";
import { SecretList, Written } from "./schema.ts";
import type { WithToken } from "./sender.ts";

export interface WriterParts {
  readonly options: InfisicalOptions;
  readonly subject: string;
  readonly http: HttpClient;
  readonly withToken: WithToken;
  readonly project: ProjectLookup;
}

/** Single steps of a write. Paths are normal, see normalPath. */
export interface FolderEdits {
  /** What the folder itself has, nothing expanded; undefined: there is no such folder. */
  readonly read: (path: string, signal: AbortSignal) => Promise<Held | undefined>;
  /** False: refused with 400, as for what was made meanwhile. */
  readonly change: (
    method: "POST" | "DELETE",
    route: string,
    body: JsonObject,
    signal: AbortSignal,
  ) => Promise<boolean>;
}

/** By key; undefined for what is hidden or no text. */
export type Held = ReadonlyMap<string, SecretValue | undefined>;

export function createFolderEdits({ options, subject, http, withToken, project }: WriterParts): FolderEdits {
  const { environment } = options;

  async function idOf(signal: AbortSignal): Promise<string> {
    const id = await project.id(signal);
    if (id !== undefined) return id;
    throw new HelmwardenError("StoreInvalid", `${subject} is too old to be written to. Set projectId, or update it.`);
  }

  async function read(path: string, signal: AbortSignal): Promise<Held | undefined> {
    const query = new URLSearchParams({
      projectId: await idOf(signal),
      environment,
      secretPath: path,
      viewSecretValue: "true",
      expandSecretReferences: "false",
      recursive: "false",
      includeImports: "false",
      include_imports: "false",
    });
    const url = `/api/v4/secrets?${query.toString()}`;
    const response = await withToken((headers) => http.send({ method: "GET", path: url, headers }, signal), signal);
    const answer = answerOf(response);
    if (answer.status === 404 && answer.refusal === "SecretPathNotFound") return undefined;
    if (response.status !== 200) throw requestError(subject, answer);
    const list = SecretList.safeParse(jsonOf(response));
    if (!list.success) throw shapeError(subject);
    return new Map(
      list.data.secrets.map(({ secretKey, secretValue, secretMetadata }) => [
        secretKey,
        typeof secretValue === "string" ? decodedValue(secretValue, secretMetadata) : undefined,
      ]),
    );
  }

  async function change(
    method: "POST" | "DELETE",
    path: string,
    body: JsonObject,
    signal: AbortSignal,
  ): Promise<boolean> {
    const json = { projectId: await idOf(signal), environment, ...body };
    const response = await withToken((headers) => http.send({ method, path, headers, json }, signal), signal);
    if (response.status === 400) return false;
    if (response.status !== 200) throw requestError(subject, answerOf(response));
    if (Written.safeParse(jsonOf(response)).success) return true;
    throw new HelmwardenError(
      "StoreInvalid",
      `${subject} did not apply a write: the folder wants changes to be approved. Let the identity bypass its policy, or name another path.`,
    );
  }

  return { read, change };
}
