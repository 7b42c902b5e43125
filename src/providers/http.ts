import { X509Certificate } from "node:crypto";
import { Agent as PlainAgent, type IncomingMessage } from "node:http";
import { Agent as SecureAgent } from "node:https";
import { TLSSocket } from "node:tls";
import { urlToHttpOptions } from "node:url";
import { HelmwardenError } from "../errors.ts";
import type { Clock } from "../ports.ts";
import { exchange } from "./httpExchange.ts";
import type { Exchange, HttpResponse, WireRequest } from "./httpExchange.ts";
import { cancelled, faultError, redirectError } from "./httpFaults.ts";
import type { LineListener } from "./httpLines.ts";
import { retryDelayMs } from "./retry.ts";

export interface HttpOptions {
  /** Names the server in messages, as `Vault at https://vault:8200`. Holds no credentials. */
  readonly subject: string;
  /** http or https; a path in it is put before each request's path. */
  readonly baseUrl: string;
  /** PEM; takes the place of the system's trusted roots. */
  readonly ca?: string | undefined;
  /** Requests on the wire at a time; more of them wait. Default 8. */
  readonly concurrency?: number | undefined;
  /** For one attempt, body included. Default 10,000. */
  readonly attemptTimeoutMs?: number | undefined;
  /** For one `send` with all its waiting and attempts. Default 30,000. */
  readonly deadlineMs?: number | undefined;
  /** Default 8 MiB. */
  readonly maxBodyBytes?: number | undefined;
}

export interface HttpDeps {
  readonly clock: Clock;
  /** Uniform in [0, 1), for jitter. */
  readonly random?: (() => number) | undefined;
}

export interface HttpRequest {
  readonly method: string;
  /** Begins with `/`, is encoded, may have a query; sent as it is. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sending it twice does no harm. Default: true for GET and LIST. */
  readonly repeatable?: boolean | undefined;
  /** Answers that are to be retried beside those of retry.ts. */
  readonly retryAlso?: ((response: HttpResponse) => boolean) | undefined;
}

export interface HttpClient {
  /**
   * The answer, whatever its status, once retries are spent (retry.ts). StoreUnavailable when there is none,
   * StoreInvalid when TLS is not trusted or the answer too large, Cancelled when the signal aborts.
   */
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse>;
  /**
   * Sends once and hands an event stream to `lines`, without a deadline; gives the answer, then without a body, when
   * the server has ended it. Any other answer is given, and faults are thrown, as by `send`.
   */
  stream(request: HttpRequest, lines: LineListener, signal: AbortSignal): Promise<HttpResponse>;
  /** Until when the certificate is good that the server showed last; undefined before, and without TLS. */
  certificateEndsAt(): Date | undefined;
  /** Ends all connections; requests in flight fail. */
  close(): void;
}

type Wire = Omit<WireRequest, "method" | "path" | "headers" | "body"> & { readonly prefix: string };

/** A client for one server. ConfigInvalid for a base URL or a CA that cannot be used. Nothing is read from the environment. */
export function createHttpClient(options: HttpOptions, deps: HttpDeps): HttpClient {
  const certificate = followCertificate();
  const wire = { ...wireOf(options), onSocket: certificate.see };
  const deadlineMs = options.deadlineMs ?? 30_000;
  // While the server is down, further sends try once: a thousand paths must not each spend four attempts on it.
  let down = false;

  async function send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const deadline = AbortSignal.timeout(deadlineMs);
    const both = AbortSignal.any([signal, deadline]);
    const endsAt = deps.clock.monotonic() + deadlineMs;
    for (let attempt = 0; ; attempt += 1) {
      const outcome = await sendOnce(wire, options.subject, request, both);
      const delay =
        down || both.aborted ? undefined : retryDelayMs(request, outcome, attempt, deps.random ?? Math.random);
      if (delay === undefined || delay > endsAt - deps.clock.monotonic()) {
        if (outcome.kind === "answer") {
          down = [502, 503, 504].includes(outcome.response.status);
          return outcome.response;
        }
        if (signal.aborted) throw cancelled(options.subject);
        down = true;
        throw faultError(options.subject, deadline.aborted ? "timeout" : outcome.why, outcome.code);
      }
      await deps.clock.sleep(delay, both).catch(() => undefined);
    }
  }

  async function stream(request: HttpRequest, lines: LineListener, signal: AbortSignal): Promise<HttpResponse> {
    const outcome = await sendOnce({ ...wire, lines }, options.subject, request, signal);
    if (outcome.kind === "answer") return outcome.response;
    if (signal.aborted) throw cancelled(options.subject);
    throw faultError(options.subject, outcome.why, outcome.code);
  }

  return { send, stream, certificateEndsAt: certificate.endsAt, close: () => wire.agent.destroy() };
}

/** The body as JSON, or undefined where it is none: a parser's error would quote it. */
export function jsonOf(response: Pick<HttpResponse, "body">): unknown {
  try {
    return JSON.parse(response.body.toString("utf8"));
  } catch {
    return undefined;
  }
}

/** One attempt, with one redirect at most, on the same origin: a token never goes to another server. */
async function sendOnce(wire: Wire, subject: string, request: HttpRequest, signal: AbortSignal): Promise<Exchange> {
  const { prefix, ...rest } = wire;
  const headers = { accept: "application/json", "user-agent": "helmwarden", ...request.headers };
  const body = request.json === undefined ? undefined : JSON.stringify(request.json);
  const first = { ...rest, method: request.method, path: prefix + request.path, headers, body };
  const outcome = await exchange(first, signal);
  if (outcome.kind === "fault" || !isRedirect(outcome.response)) return outcome;
  const target = redirectTarget(first, outcome.response, subject);
  const second = await exchange({ ...first, path: target.pathname + target.search }, signal);
  if (second.kind === "answer" && isRedirect(second.response)) throw redirectError(subject, "a second time");
  return second;
}

function isRedirect(response: HttpResponse): boolean {
  return [301, 302, 303, 307, 308].includes(response.status);
}

function redirectTarget(request: WireRequest, response: HttpResponse, subject: string): URL {
  const host = request.hostname.includes(":") ? `[${request.hostname}]` : request.hostname;
  const here = new URL(`${request.secure ? "https" : "http"}://${host}:${request.port}`);
  const location = URL.parse(response.headers.location ?? "", here.href);
  if (location === null) throw redirectError(subject, "without saying where to");
  if (location.origin !== here.origin) throw redirectError(subject, `to ${location.origin}`);
  return location;
}

function wireOf(options: HttpOptions): Wire {
  const url = URL.parse(options.baseUrl);
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    throw new HelmwardenError("ConfigInvalid", `The address of ${options.subject} is not an http or https URL.`);
  }
  if (url.username !== "" || url.password !== "" || url.search !== "") {
    throw new HelmwardenError(
      "ConfigInvalid",
      `The address of ${options.subject} may hold no user, password or query.`,
    );
  }
  const secure = url.protocol === "https:";
  return {
    secure,
    hostname: urlToHttpOptions(url).hostname ?? "",
    port: url.port || (secure ? 443 : 80),
    prefix: url.pathname.replace(/\/+$/, ""),
    agent: agentFor(options, secure),
    timeoutMs: options.attemptTimeoutMs ?? 10_000,
    maxBodyBytes: options.maxBodyBytes ?? 8 * 2 ** 20,
  };
}

function agentFor(options: HttpOptions, secure: boolean): PlainAgent {
  const pool = { keepAlive: true, maxSockets: options.concurrency ?? 8, maxFreeSockets: 4 };
  if (!secure) return new PlainAgent(pool);
  const trust = { minVersion: "TLSv1.2", rejectUnauthorized: true } as const;
  if (options.ca === undefined) return new SecureAgent({ ...pool, ...trust });
  return new SecureAgent({ ...pool, ...trust, ca: certificatesOf(options.ca, options.subject) });
}

/** Reads the certificate of each new connection. */
function followCertificate(): {
  readonly see: (socket: IncomingMessage["socket"]) => void;
  readonly endsAt: () => Date | undefined;
} {
  let seen: IncomingMessage["socket"] | undefined;
  let endsAt: Date | undefined;
  return {
    see(socket) {
      if (socket === seen || !(socket instanceof TLSSocket)) return;
      seen = socket;
      const ends = Date.parse(socket.getPeerCertificate().valid_to);
      if (!Number.isNaN(ends)) endsAt = new Date(ends);
    },
    endsAt: () => endsAt,
  };
}

/** Node takes any text as a CA and then trusts nobody, so it is read here. */
function certificatesOf(pem: string, subject: string): string[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    if (blocks.map((block) => new X509Certificate(block)).length > 0) return blocks;
  } catch {
    // Reported below, as none at all is.
  }
  throw new HelmwardenError("ConfigInvalid", `The CA for ${subject} holds no certificate in PEM that can be read.`);
}
