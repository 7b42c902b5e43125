import type { Log } from "../../ports.ts";
import { jsonOf } from "../http.ts";
import type { HttpResponse } from "../httpExchange.ts";
import { answerOf, environmentError, requestError, shapeError } from "./faults.ts";
import type { InfisicalOptions } from "./options.ts";
import type { ProjectLookup } from "./project.ts";
import { SecretList } from "./schema.ts";
import type { Sender } from "./sender.ts";

export interface ListQuery {
  /** Normal, see normalPath. */
  readonly path: string;
  readonly recursive: boolean;
}

export type Listed =
  | { readonly kind: "same"; readonly url: string }
  | { readonly kind: "list"; readonly url: string; readonly etag: string | undefined; readonly list: SecretList }
  /** The environment has no such folder. */
  | { readonly kind: "missing" };

/** `known` gives the ETag of what the caller still has of an exact URL. */
export type Lister = (
  query: ListQuery,
  known: (url: string) => string | undefined,
  signal: AbortSignal,
) => Promise<Listed>;

type ApiVersion = 4 | 3;

/** Lists one folder, or all folders below it, by v4 of the API, or by v3 where a server does not know v4. */
export function createLister(
  options: InfisicalOptions,
  subject: string,
  send: Sender,
  project: ProjectLookup,
  log: Log,
): Lister {
  let version: ApiVersion = 4;

  async function fetchList(query: ListQuery, known: (url: string) => string | undefined, signal: AbortSignal) {
    const id = await project.id(signal);
    const attempt = async (api: ApiVersion): Promise<{ url: string; response: HttpResponse }> => {
      const url = listUrl(options, id, query, api);
      return { url, response: await send(url, known(url), signal) };
    };
    // Without an id there is only v3, which takes a slug as well.
    if (id === undefined) return attempt(3);
    const tried = version;
    const first = await attempt(tried);
    if (!answerOf(first.response).noRoute) return first;
    const other = tried === 4 ? 3 : 4;
    const second = await attempt(other);
    if (!answerOf(second.response).noRoute) {
      if (version !== other) log.info("this Infisical speaks another version of its API", { version: other });
      version = other;
    }
    return second;
  }

  return async (query, known, signal) => {
    const { url, response } = await fetchList(query, known, signal);
    if (response.status === 304) return { kind: "same", url };
    const answer = answerOf(response);
    if (answer.status === 404 && answer.refusal === "SecretPathNotFound") {
      // An environment that does not exist is answered in the same way; its root folder always exists.
      if (query.path !== "/" && (await project.hasEnvironment(signal)) !== false) return { kind: "missing" };
      throw environmentError(subject, options.environment);
    }
    if (response.status !== 200) throw requestError(subject, answer);
    const list = SecretList.safeParse(jsonOf(response));
    if (!list.success) throw shapeError(subject);
    return { kind: "list", url, etag: response.headers.etag, list: list.data };
  };
}

function listUrl(options: InfisicalOptions, id: string | undefined, query: ListQuery, api: ApiVersion): string {
  const slug = "slug" in options.project ? options.project.slug : "";
  const byId = api === 4 ? "projectId" : "workspaceId";
  const parameters = new URLSearchParams([
    id === undefined ? ["workspaceSlug", slug] : [byId, id],
    ["environment", options.environment],
    ["secretPath", query.path],
    ["viewSecretValue", "true"],
    ["expandSecretReferences", "true"],
    ["recursive", String(query.recursive)],
    // Versions differ in the spelling and in the default, and ignore what they do not know.
    ["includeImports", "true"],
    ["include_imports", "true"],
  ]);
  return `${api === 4 ? "/api/v4/secrets" : "/api/v3/secrets/raw"}?${parameters.toString()}`;
}
