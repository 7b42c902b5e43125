import type { Agent, ClientRequest, IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { request as requestPlain } from "node:http";
import { request as requestSecure } from "node:https";
import { isEventStream, type LineListener, readLines } from "./httpLines.ts";

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** As received: it may be empty, HTML or text. `jsonOf` reads it. */
  readonly body: Buffer;
}

/**
 * What became of one request on the wire. Faults are values, as what Node throws here may quote headers.
 * - unsent: no byte of the request reached the server
 * - broken: the connection failed later, and the server may have done the work
 * - timeout: no complete answer in time; it may have done the work, too
 * - untrusted: TLS refused the server's certificate, or the server speaks no TLS
 * - tooLarge: the body passed the cap
 * - malformed: Node refused to send it (a control character in a header or the path)
 * - aborted: by the caller's signal
 */
export type Exchange =
  | { readonly kind: "answer"; readonly response: HttpResponse }
  | { readonly kind: "fault"; readonly why: FaultKind; readonly code: string };
export type FaultKind = "unsent" | "broken" | "timeout" | "untrusted" | "tooLarge" | "malformed" | "aborted";

export interface WireRequest {
  readonly secure: boolean;
  readonly hostname: string;
  readonly port: string | number;
  readonly agent: Agent;
  readonly method: string;
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string | undefined;
  /** Milliseconds from having a connection to the body's last byte; waiting for a free one is not counted. */
  readonly timeoutMs: number;
  readonly maxBodyBytes: number;
  /** Takes the body of an event stream, which then has no deadline and no cap as a whole. */
  readonly lines?: LineListener | undefined;
  /** Told the connection of each answer. */
  readonly onSocket?: ((socket: IncomingMessage["socket"]) => void) | undefined;
}

const UNSENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "EADDRNOTAVAIL"]);
const UNTRUSTED = /CERT|SELF_SIGNED|VERIFY|^ERR_TLS_|^ERR_SSL_|^EPROTO$|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE/;

/** Sends one request and reads its whole answer. Never rejects. */
export function exchange(wire: WireRequest, signal: AbortSignal): Promise<Exchange> {
  return new Promise((resolve) => {
    let request: ClientRequest | undefined;
    let timer: NodeJS.Timeout | undefined;
    const settle = (outcome: Exchange): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      resolve(outcome);
    };
    const fail = (why: FaultKind, code = ""): void => {
      settle({ kind: "fault", why, code });
      request?.destroy();
    };
    const abort = (): void => fail("aborted");
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    const failed = (error: unknown): void => fail(...classifyFault(error));
    try {
      request = (wire.secure ? requestSecure : requestPlain)({ ...wire, headers: headersOf(wire) });
    } catch {
      return fail("malformed");
    }
    request.on("socket", () => (timer = setTimeout(fail, wire.timeoutMs, "timeout")));
    request.on("error", failed);
    request.on("response", (message) => {
      message.on("error", failed);
      wire.onSocket?.(message.socket);
      const response = { status: message.statusCode ?? 0, headers: message.headers, body: Buffer.alloc(0) };
      if (wire.lines === undefined || !isEventStream(response)) {
        return collect(message, wire.maxBodyBytes, settle, fail);
      }
      clearTimeout(timer);
      timer = readLines(message, wire.lines, () => settle({ kind: "answer", response }), fail);
    });
    request.end(wire.body);
  });
}

function headersOf(wire: WireRequest): OutgoingHttpHeaders {
  if (wire.body === undefined) return wire.headers;
  return {
    "content-type": "application/json",
    ...wire.headers,
    "content-length": Buffer.byteLength(wire.body),
  };
}

function collect(
  message: IncomingMessage,
  maxBytes: number,
  settle: (outcome: Exchange) => void,
  fail: (why: FaultKind) => void,
): void {
  const chunks: Buffer[] = [];
  let size = 0;
  message.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxBytes) return fail("tooLarge");
    chunks.push(chunk);
  });
  message.on("end", () => {
    const response = { status: message.statusCode ?? 0, headers: message.headers, body: Buffer.concat(chunks) };
    settle({ kind: "answer", response });
  });
}

/** Only the code of a foreign error is read, and only if it looks like one. */
export function classifyFault(error: unknown): [FaultKind, string] {
  const raw = error instanceof Error && "code" in error ? error.code : undefined;
  const code = typeof raw === "string" && /^[A-Z0-9_]{1,60}$/.test(raw) ? raw : "";
  if (UNSENT.has(code)) return ["unsent", code];
  return [UNTRUSTED.test(code) ? "untrusted" : "broken", code];
}
