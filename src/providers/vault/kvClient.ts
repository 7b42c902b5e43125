import type { JsonObject } from "../../core/json.ts";
import { HelmwardenError } from "../../errors.ts";
import { jsonOf } from "../http.ts";
import type { HttpClient, HttpRequest } from "../http.ts";
import type { HttpResponse } from "../httpExchange.ts";
import { statusError } from "./faults.ts";
import { explainUnavailable } from "./health.ts";
import type { VaultOptions } from "./options.ts";
import { encodePath } from "./paths.ts";
import { Mount, Refusal } from "./schema.ts";
import type { Session } from "./session.ts";

export interface KvClient {
  /** GET of a path of Vault; the answer is a 200 or a 404. `shown` names it in messages and is what a policy would grant. */
  get(path: string, shown: string, signal: AbortSignal): Promise<HttpResponse>;
  /** The names in a folder, whose path ends with a slash; the answer is a 200, or a 404 where there is none. */
  list(path: string, shown: string, signal: AbortSignal): Promise<HttpResponse>;
  /**
   * POST or DELETE; the answer is a success or a 400. `repeatable`: sending it twice does no harm, as for a write that
   * checks the version.
   */
  change(change: KvChange, signal: AbortSignal): Promise<HttpResponse>;
  /** The version of the KV engine at the configured mount, as the server tells it. StoreInvalid when it is none. */
  discover(signal: AbortSignal): Promise<1 | 2>;
}

export interface KvChange {
  readonly method: "POST" | "DELETE";
  readonly path: string;
  readonly shown: string;
  readonly json?: JsonObject;
  readonly repeatable: boolean;
}

/** Reads with the session's token; after a 403 once more if another token is to be had. */
export function createKvClient(options: VaultOptions, subject: string, http: HttpClient, session: Session): KvClient {
  const namespace = options.namespace ? { "x-vault-namespace": options.namespace } : {};

  async function send(request: Omit<HttpRequest, "headers">, signal: AbortSignal): Promise<HttpResponse> {
    const attempt = (value: string): Promise<HttpResponse> =>
      http.send(
        {
          ...request,
          path: `/v1/${request.path}`,
          headers: { ...namespace, "x-vault-token": value, "x-vault-request": "true" },
          retryAlso: isUpgrading,
        },
        signal,
      );
    const token = await session.token(signal);
    const response = await attempt(token.value.reveal());
    if (response.status !== 403) return response;
    const next = await session.replace(token, signal);
    return next === undefined ? response : await attempt(next.value.reveal());
  }

  async function explain(response: HttpResponse, doing: Doing, shown: string, signal: AbortSignal): Promise<never> {
    if (response.status === 403) throw denied(subject, doing, shown);
    if (response.status === 503) await explainUnavailable(http, subject, signal);
    if (isUpgrading(response)) throw upgrading(subject, options.mount);
    throw statusError(subject, response, `${WORDS[doing].doing} ${shown}`);
  }

  async function get(path: string, shown: string, signal: AbortSignal): Promise<HttpResponse> {
    const response = await send({ method: "GET", path }, signal);
    if (response.status === 200 || response.status === 404) return response;
    return await explain(response, "read", shown, signal);
  }

  async function list(path: string, shown: string, signal: AbortSignal): Promise<HttpResponse> {
    const response = await send({ method: "GET", path: `${path}?list=true` }, signal);
    if (response.status === 200 || response.status === 404) return response;
    return await explain(response, "list", shown, signal);
  }

  async function change({ shown, ...request }: KvChange, signal: AbortSignal): Promise<HttpResponse> {
    const response = await send(request, signal);
    if (response.status < 300 || (response.status === 400 && !isUpgrading(response))) return response;
    return await explain(response, "write", shown, signal);
  }

  async function discover(signal: AbortSignal): Promise<1 | 2> {
    const { mount } = options;
    const response = await get(`sys/internal/ui/mounts/${encodePath(mount)}`, `anything below ${mount}/`, signal);
    const found = Mount.safeParse(jsonOf(response));
    if (response.status !== 200 || !found.success) throw statusError(subject, response, `asking what ${mount} is`);
    const { path, type, version } = found.data;
    if (path !== mount) {
      throw new HelmwardenError(
        "StoreInvalid",
        `${subject} has a mount ${path}, which ${mount} is inside of. Set mount to ${path}, and put the rest before the paths.`,
      );
    }
    if (type === "kv" || type === "generic") return version;
    throw new HelmwardenError("StoreInvalid", `The mount ${mount} of ${subject} is not a KV engine. Name one that is.`);
  }

  return { get, list, change, discover };
}

/** A mount that is on its way from KV 1 to 2, or was made just now, says so with this 400. */
function isUpgrading(response: HttpResponse): boolean {
  if (response.status !== 400) return false;
  const refusal = Refusal.safeParse(jsonOf(response));
  return refusal.success && refusal.data.errors.some((text) => text.startsWith("Upgrading from non-versioned"));
}

function upgrading(subject: string, mount: string): HelmwardenError {
  return new HelmwardenError(
    "StoreUnavailable",
    `${subject} is upgrading the mount ${mount} to KV version 2. Wait until it is done.`,
  );
}

type Doing = "read" | "list" | "write";
const WORDS: Readonly<Record<Doing, { readonly doing: string; readonly rights: string }>> = {
  read: { doing: "reading", rights: '"read"' },
  list: { doing: "listing", rights: '"list"' },
  write: { doing: "writing", rights: '"create" and "update"' },
};

function denied(subject: string, doing: Doing, shown: string): HelmwardenError {
  return new HelmwardenError(
    "StoreDenied",
    `${subject} denies us ${shown}. Let the policy of our login grant ${WORDS[doing].rights} on it, and see that its mount exists.`,
  );
}
