import type { JsonObject } from "../../core/json.ts";
import type { SecretValue } from "../../core/secretValue.ts";
import { HelmwardenError } from "../../errors.ts";
import { type HttpClient, jsonOf } from "../http.ts";
import type { HttpResponse } from "../httpExchange.ts";
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

type Method = "POST" | "PATCH" | "DELETE";

/** Single steps of a write. Paths are normal, see normalPath. */
export interface FolderEdits {
  /** What the folder itself has and what it imports, nothing expanded; undefined: there is no such folder. */
  readonly list: (path: string, signal: AbortSignal) => Promise<SecretList | undefined>;
  /** What the folder itself has, by key; undefined: there is no such folder. */
  readonly read: (path: string, signal: AbortSignal) => Promise<Held | undefined>;
  /** Makes the folder and its parents. False: it is there by now. */
  readonly makeFolder: (path: string, signal: AbortSignal) => Promise<boolean>;
  /** Creates, changes or deletes secrets, all or none. False: one of them was made or deleted meanwhile. */
  readonly change: (method: Method, path: string, secrets: JsonObject[], signal: AbortSignal) => Promise<boolean>;
}

/** By key; undefined for what is hidden or no text. */
export type Held = ReadonlyMap<string, SecretValue | undefined>;

/** Names of the versions of the API. */
const ROUTES = {
  4: { project: "projectId", list: "/api/v4/secrets", batch: "/api/v4/secrets/batch" },
  3: { project: "workspaceId", list: "/api/v3/secrets/raw", batch: "/api/v3/secrets/batch/raw" },
} as const;

export function createFolderEdits({ options, subject, http, withToken, project }: WriterParts): FolderEdits {
  const { environment } = options;
  let version: 3 | 4 = 4;

  async function idOf(signal: AbortSignal): Promise<string> {
    const id = await project.id(signal);
    if (id !== undefined) return id;
    throw new HelmwardenError("StoreInvalid", `${subject} is too old to be written to. Set projectId, or update it.`);
  }

  /** By v4, or by v3 where the server does not know v4. */
  async function ask(work: (api: 3 | 4) => Promise<HttpResponse>): Promise<HttpResponse> {
    const first = await work(version);
    if (!answerOf(first).noRoute) return first;
    const other = version === 4 ? 3 : 4;
    const second = await work(other);
    if (!answerOf(second).noRoute) version = other;
    return second;
  }

  async function list(path: string, signal: AbortSignal): Promise<SecretList | undefined> {
    const projectId = await idOf(signal);
    const response = await ask((api) => {
      const query = new URLSearchParams({
        [ROUTES[api].project]: projectId,
        environment,
        secretPath: path,
        viewSecretValue: "true",
        expandSecretReferences: "false",
        recursive: "false",
        includeImports: "true",
        include_imports: "true",
      });
      const url = `${ROUTES[api].list}?${query.toString()}`;
      return withToken((headers) => http.send({ method: "GET", path: url, headers }, signal), signal);
    });
    const answer = answerOf(response);
    if (answer.status === 404 && answer.refusal === "SecretPathNotFound") return undefined;
    if (response.status !== 200) throw requestError(subject, answer);
    const found = SecretList.safeParse(jsonOf(response));
    if (!found.success) throw shapeError(subject);
    return found.data;
  }

  async function read(path: string, signal: AbortSignal): Promise<Held | undefined> {
    const found = await list(path, signal);
    if (found === undefined) return undefined;
    return new Map(
      found.secrets.map(({ secretKey, secretValue, secretMetadata }) => [
        secretKey,
        typeof secretValue === "string" ? decodedValue(secretValue, secretMetadata) : undefined,
      ]),
    );
  }

  async function send(method: Method, path: string, body: JsonObject, signal: AbortSignal): Promise<HttpResponse> {
    const json = { environment, ...body };
    return await withToken((headers) => http.send({ method, path, headers, json }, signal), signal);
  }

  function applied(response: HttpResponse): boolean {
    if (response.status === 400) return false;
    if (response.status !== 200) throw requestError(subject, answerOf(response));
    if (Written.safeParse(jsonOf(response)).success) return true;
    throw new HelmwardenError(
      "StoreInvalid",
      `${subject} did not apply a write: the folder wants changes to be approved. Let the identity bypass its policy, or name another path.`,
    );
  }

  async function makeFolder(path: string, signal: AbortSignal): Promise<boolean> {
    const at = path.lastIndexOf("/");
    const body = { projectId: await idOf(signal), name: path.slice(at + 1), path: path.slice(0, at) || "/" };
    return applied(await send("POST", "/api/v2/folders", body, signal));
  }

  async function change(method: Method, path: string, secrets: JsonObject[], signal: AbortSignal): Promise<boolean> {
    const projectId = await idOf(signal);
    const response = await ask((api) => {
      const body = { [ROUTES[api].project]: projectId, secretPath: path, secrets };
      return send(method, ROUTES[api].batch, body, signal);
    });
    // A key to be changed or deleted is gone.
    if (response.status === 404 && method !== "POST" && answerOf(response).refusal === "NotFound") return false;
    return applied(response);
  }

  return { list, read, makeFolder, change };
}
