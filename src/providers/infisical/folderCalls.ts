import type { JsonObject } from "../../core/json.ts";
import { HelmwardenError } from "../../errors.ts";
import type { HttpClient } from "../http.ts";
import type { HttpResponse } from "../httpExchange.ts";
import { answerOf } from "./faults.ts";
import type { InfisicalOptions } from "./options.ts";
import type { ProjectLookup } from "./project.ts";
import type { WithToken } from "./sender.ts";

export interface WriterParts {
  readonly options: InfisicalOptions;
  readonly subject: string;
  readonly http: HttpClient;
  readonly withToken: WithToken;
  readonly project: ProjectLookup;
}

export type WriteMethod = "POST" | "PATCH" | "DELETE";

/** Requests about one folder, by v4 of the API, or by v3 where the server does not know v4. */
export interface FolderCalls {
  /** The folder, or one key of it; nothing expanded. `more` goes into the query. */
  get(
    path: string,
    key: string | undefined,
    more: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<HttpResponse>;
  batch(method: WriteMethod, path: string, secrets: JsonObject[], signal: AbortSignal): Promise<HttpResponse>;
  makeFolder(parent: string, name: string, signal: AbortSignal): Promise<HttpResponse>;
}

const ROUTES = {
  4: { project: "projectId", list: "/api/v4/secrets", batch: "/api/v4/secrets/batch" },
  3: { project: "workspaceId", list: "/api/v3/secrets/raw", batch: "/api/v3/secrets/batch/raw" },
} as const;

export function createFolderCalls({ options, subject, http, withToken, project }: WriterParts): FolderCalls {
  const { environment } = options;
  let version: 3 | 4 = 4;

  async function idOf(signal: AbortSignal): Promise<string> {
    const id = await project.id(signal);
    if (id !== undefined) return id;
    throw new HelmwardenError("StoreInvalid", `${subject} is too old to be written to. Set projectId, or update it.`);
  }

  async function ask(work: (api: 3 | 4) => Promise<HttpResponse>): Promise<HttpResponse> {
    const first = await work(version);
    if (!answerOf(first).noRoute) return first;
    const other = version === 4 ? 3 : 4;
    const second = await work(other);
    if (!answerOf(second).noRoute) version = other;
    return second;
  }

  async function send(method: WriteMethod, path: string, json: JsonObject, signal: AbortSignal): Promise<HttpResponse> {
    return await withToken((headers) => http.send({ method, path, headers, json }, signal), signal);
  }

  return {
    async get(path, key, more, signal) {
      const projectId = await idOf(signal);
      return await ask((api) => {
        const query = new URLSearchParams({
          [ROUTES[api].project]: projectId,
          environment,
          secretPath: path,
          viewSecretValue: "true",
          expandSecretReferences: "false",
          ...more,
        });
        const one = key === undefined ? "" : `/${encodeURIComponent(key)}`;
        const url = `${ROUTES[api].list}${one}?${query.toString()}`;
        return withToken((headers) => http.send({ method: "GET", path: url, headers }, signal), signal);
      });
    },
    async batch(method, path, secrets, signal) {
      const projectId = await idOf(signal);
      return await ask((api) => {
        const body = { [ROUTES[api].project]: projectId, environment, secretPath: path, secrets };
        return send(method, ROUTES[api].batch, body, signal);
      });
    },
    async makeFolder(parent, name, signal) {
      const body = { projectId: await idOf(signal), environment, name, path: parent };
      return await send("POST", "/api/v2/folders", body, signal);
    },
  };
}
