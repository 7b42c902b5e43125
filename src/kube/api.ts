import type { ConfigurationOptions, KubeConfig, RequestContext, ResponseContext } from "@kubernetes/client-node";
import type { z } from "zod";
import { HelmwardenError, toHelmwardenError } from "../errors.ts";
import type { Clock } from "../ports.ts";
import { ApiFault, answerFault, asksForCredentials, type Fault, isTransient, networkFault } from "./apiFault.ts";
import { type Connections, createConnections } from "./connections.ts";
import { type Authorisation, createCredentials, type Credentials } from "./credentials.ts";
import { type ApiTarget, explainFault } from "./explainFault.ts";
import type * as Libraries from "./libraries.ts";

/** One call of the generated client; `options` must be passed on to it. */
export type Invoke = (options: ConfigurationOptions) => Promise<unknown>;

export interface CallOptions {
  /** Goes over the client's own: an Accept for metadata only, a Content-Type for a patch. */
  readonly headers?: Readonly<Record<string, string>>;
  /** False: sent again only when it was surely not carried out. Default true. */
  readonly idempotent?: boolean;
}

/** How every call to one cluster is made: shared sockets, deadline, retries, our errors, our shapes. */
export interface Api {
  readonly server: string;
  /**
   * Makes the call and gives its answer in `shape`. An attempt takes at most `timeoutMs`, the whole call twice
   * that. Sends again on 429 (after Retry-After), 5xx and lost connections, and once with fresh credentials on
   * 401. Throws HelmwardenError with `detail.status`.
   */
  call<T>(
    target: ApiTarget,
    shape: z.ZodType<T>,
    invoke: Invoke,
    signal: AbortSignal,
    options?: CallOptions,
  ): Promise<T>;
  close(): Promise<void>;
}

export interface ApiSettings {
  readonly clock: Clock;
  readonly timeoutMs: number;
}

const ATTEMPTS = 4;
const LONGEST_WAIT_MS = 10_000;

export function createApi(k: typeof Libraries, load: () => KubeConfig, settings: ApiSettings): Api {
  const credentials = createCredentials(load);
  const connections = createConnections(k);
  const exchange = createExchange(k, credentials, connections);
  const { clock, timeoutMs } = settings;

  /** The client builds the request and we carry it: its answer is taken as text, before the client reshapes it. */
  const attempt = async <T>(
    shape: z.ZodType<T>,
    invoke: Invoke,
    deadline: AbortSignal,
    options: CallOptions,
  ): Promise<T> => {
    const signal = AbortSignal.any([deadline, AbortSignal.timeout(timeoutMs)]);
    let text = "";
    const send = async (request: RequestContext): Promise<ResponseContext> => {
      text = await exchange(request, options.headers ?? {}, signal);
      return emptyAnswer(k);
    };
    await invoke({ httpApi: k.wrapHttpLibrary({ send }) });
    return decode(shape, text);
  };

  return {
    server: credentials.server,
    async call(target, shape, invoke, signal, options = {}) {
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(2 * timeoutMs)]);
      let reloaded = false;
      for (let tries = 1; ; tries += 1) {
        try {
          return await attempt(shape, invoke, deadline, options);
        } catch (caught) {
          if (signal.aborted) throw cancelled();
          if (!(caught instanceof ApiFault)) throw toHelmwardenError(caught);
          const { fault } = caught;
          if (!reloaded && asksForCredentials(fault)) {
            reloaded = true;
            credentials.reload();
            continue;
          }
          const again = tries < ATTEMPTS && isTransient(fault, options.idempotent ?? true) && !deadline.aborted;
          if (!again) throw explainFault(fault, target);
          await clock.sleep(waitBefore(tries, fault), deadline).catch(() => {});
          if (signal.aborted) throw cancelled();
          if (deadline.aborted) throw explainFault(fault, target);
        }
      }
    },
    close: () => connections.close(),
  };
}

type Exchange = (
  request: RequestContext,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
) => Promise<string>;

/** Sends one request over the shared sockets; the text of a 2xx, ApiFault for anything else. Follows no redirect. */
function createExchange(k: typeof Libraries, credentials: Credentials, connections: Connections): Exchange {
  return async (request, headers, signal) => {
    const authorisation = await authorise(credentials, signal);
    const body = request.getBody();
    try {
      const answer = await k.request(request.getUrl(), {
        method: request.getHttpMethod(),
        headers: { "User-Agent": "helmwarden", ...request.getHeaders(), ...headers, ...authorisation.headers },
        body: typeof body === "string" ? body : null,
        dispatcher: connections.pool(authorisation.connection),
        signal,
      });
      const text = await answer.body.text();
      if (answer.statusCode >= 200 && answer.statusCode < 300) return text;
      throw answerFault(answer.statusCode, text, String(answer.headers["retry-after"] ?? "") || undefined);
    } catch (caught) {
      if (caught instanceof ApiFault) throw caught;
      throw signal.aborted ? new ApiFault({ kind: "timeout" }) : networkFault(caught);
    }
  };
}

async function authorise(credentials: Credentials, signal: AbortSignal): Promise<Authorisation> {
  try {
    return await credentials.authorise(signal);
  } catch {
    throw new ApiFault({ kind: signal.aborted ? "timeout" : "credentials" });
  }
}

function emptyAnswer(k: typeof Libraries): ResponseContext {
  const nothing = Buffer.from("null");
  return new k.ResponseContext(
    200,
    { "content-type": "application/json" },
    { text: async () => "null", binary: async () => nothing, stream: () => null },
  );
}

function decode<T>(shape: z.ZodType<T>, text: string): T {
  try {
    return shape.parse(JSON.parse(text));
  } catch {
    throw new ApiFault({ kind: "shape" });
  }
}

function waitBefore(tries: number, fault: Fault): number {
  const asked = fault.kind === "answer" ? fault.retryAfterMs : undefined;
  const growing = 200 * 2 ** (tries - 1) * (0.5 + Math.random() / 2);
  return Math.min(asked ?? growing, LONGEST_WAIT_MS);
}

function cancelled(): HelmwardenError {
  return new HelmwardenError("Cancelled", "The call to the cluster was cancelled before it ended. Run it again.");
}

/** Undefined instead of the error where the cluster says that the object is not there. */
export async function orAbsent<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (caught) {
    if (statusOf(caught) === 404) return undefined;
    throw caught;
  }
}

export function statusOf(caught: unknown): unknown {
  return caught instanceof HelmwardenError ? caught.detail["status"] : undefined;
}
