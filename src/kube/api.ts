import type { KubeConfig } from "@kubernetes/client-node";
import type { z } from "zod";
import { HelmwardenError, toHelmwardenError } from "../errors.ts";
import type { Clock } from "../ports.ts";
import { ApiFault, asksForCredentials, type Fault, isTransient } from "./apiFault.ts";
import { createConnections } from "./connections.ts";
import { createCredentials } from "./credentials.ts";
import { createExchange, type Invoke } from "./exchange.ts";
import { type ApiTarget, explainFault } from "./explainFault.ts";
import type * as Libraries from "./libraries.ts";

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
   * that. Sends again on 429 (after Retry-After, if that is short), 5xx and lost connections, and once with fresh credentials on
   * 401. Throws HelmwardenError with `detail.status`.
   */
  call<T>(
    target: ApiTarget,
    shape: z.ZodType<T>,
    invoke: Invoke,
    signal: AbortSignal,
    options?: CallOptions,
  ): Promise<T>;
  /**
   * One request whose answer goes on for long: its lines, from when it begins to its end. A silence longer than
   * `silenceMs`, also before it begins, is a fault; faults throw as in `call`. Is not sent again, but after a 401 the
   * next one goes with fresh credentials.
   */
  stream(
    target: ApiTarget,
    invoke: Invoke,
    silenceMs: number,
    signal: AbortSignal,
    options?: CallOptions,
  ): Promise<AsyncIterable<string>>;
  close(): Promise<void>;
}

export interface ApiSettings {
  readonly clock: Clock;
  readonly timeoutMs: number;
}

const ATTEMPTS = 4;
/** Asked to wait for longer, a call fails: the pass that it belongs to comes back later. */
const LONGEST_WAIT_MS = 10_000;

export function createApi(k: typeof Libraries, load: () => KubeConfig, settings: ApiSettings): Api {
  const credentials = createCredentials(load);
  const connections = createConnections(k);
  const exchange = createExchange(k, credentials, connections);
  const { clock, timeoutMs } = settings;

  const attempt = async <T>(
    shape: z.ZodType<T>,
    invoke: Invoke,
    deadline: AbortSignal,
    { headers = {} }: CallOptions,
  ): Promise<T> => {
    const answer = await exchange(invoke, { headers }, AbortSignal.any([deadline, AbortSignal.timeout(timeoutMs)]));
    return decode(shape, await answer.text());
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
          const waitMs = waitBefore(tries, fault);
          const isLate = tries >= ATTEMPTS || waitMs > LONGEST_WAIT_MS || deadline.aborted;
          if (isLate || !isTransient(fault, options.idempotent ?? true)) throw explainFault(fault, target);
          await clock.sleep(waitMs, deadline).catch(() => {});
          if (signal.aborted) throw cancelled();
          if (deadline.aborted) throw explainFault(fault, target);
        }
      }
    },
    async stream(target, invoke, silenceMs, signal, { headers = {} } = {}) {
      const explained = (caught: unknown): HelmwardenError => {
        if (signal.aborted) return cancelled();
        if (!(caught instanceof ApiFault)) return toHelmwardenError(caught);
        if (asksForCredentials(caught.fault)) credentials.reload();
        if (caught.fault.kind === "timeout") connections.renew();
        return explainFault(caught.fault, target);
      };
      try {
        // Some proxies keep the head of an answer back until there is a body.
        const limits = { headersTimeout: silenceMs, bodyTimeout: silenceMs };
        return explaining((await exchange(invoke, { headers, ...limits }, signal)).lines(), explained);
      } catch (caught) {
        throw explained(caught);
      }
    },
    close: () => connections.close(),
  };
}

async function* explaining(
  lines: AsyncIterable<string>,
  explained: (caught: unknown) => Error,
): AsyncGenerator<string> {
  try {
    yield* lines;
  } catch (caught) {
    throw explained(caught);
  }
}

function decode<T>(shape: z.ZodType<T>, text: string): T {
  try {
    return shape.parse(JSON.parse(text));
  } catch {
    throw new ApiFault({ kind: "shape" });
  }
}

/** Never sooner than asked for, and up to a quarter later: many are refused in the same moment. */
function waitBefore(tries: number, fault: Fault): number {
  const asked = fault.kind === "answer" ? (fault.retryAfterMs ?? 0) : 0;
  const growing = 200 * 2 ** (tries - 1) * (0.5 + Math.random() / 2);
  return Math.max(asked * (1 + Math.random() / 4), growing);
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
