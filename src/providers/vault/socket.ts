import { Agent as PlainAgent, type IncomingMessage } from "node:http";
import { Agent as SecureAgent } from "node:https";
import type { WebSocket } from "ws";
import { cancelled, faultError } from "../httpFaults.ts";
import { classifyFault, type FaultKind, type HttpResponse } from "../httpExchange.ts";

export interface SocketOptions {
  /** ws or wss. */
  readonly url: string;
  /** Names the server in messages. */
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  /** PEM; takes the place of the system's trusted roots. */
  readonly ca: string | undefined;
  /** Milliseconds without a frame, pings included, after which the server counts as gone. */
  readonly silenceMs: number;
}

export interface SocketListener {
  readonly open: () => void;
  readonly message: (body: Buffer) => void;
}

const HANDSHAKE_MS = 10_000;
const MESSAGE_CAP = 2 ** 20;
const REFUSAL_CAP = 2 ** 16;

/**
 * One WebSocket that only listens, until the server closes it (undefined) or refuses the handshake (its answer; a
 * redirect is one). Throws as HttpClient.send does: StoreUnavailable, StoreInvalid, Cancelled.
 */
export async function openSocket(
  { url, subject, headers, ca, silenceMs }: SocketOptions,
  listener: SocketListener,
  signal: AbortSignal,
): Promise<HttpResponse | undefined> {
  const { WebSocket } = await import("ws");
  const trust = { minVersion: "TLSv1.2", rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) } as const;
  const limits = { handshakeTimeout: HANDSHAKE_MS, maxPayload: MESSAGE_CAP, perMessageDeflate: false };
  if (signal.aborted) throw cancelled(subject);
  return new Promise((resolve, reject) => {
    let socket: WebSocket | undefined;
    const settle = (answer: HttpResponse | undefined): void => {
      clearTimeout(silence);
      signal.removeEventListener("abort", abort);
      resolve(answer);
      socket?.terminate();
    };
    const fail = (why: FaultKind, code = ""): void => {
      reject(signal.aborted ? cancelled(subject) : faultError(subject, why, code));
      settle(undefined);
    };
    const abort = (): void => fail("aborted");
    const silence = setTimeout(fail, silenceMs, "timeout");
    const alive = (): void => void silence.refresh();
    signal.addEventListener("abort", abort, { once: true });
    try {
      // Its own agent, as Node's global one may use a proxy of the environment.
      const agent = url.startsWith("wss:") ? new SecureAgent() : new PlainAgent();
      socket = new WebSocket(url, { headers, agent, ...trust, ...limits });
    } catch {
      return fail("malformed");
    }
    socket.on("open", () => listener.open());
    socket.on("ping", alive);
    socket.on("message", (data) => {
      alive();
      // Its default binaryType gives Buffers.
      if (Buffer.isBuffer(data)) listener.message(data);
    });
    socket.on("error", (error) => fail(...classifyFault(error)));
    socket.on("unexpected-response", (_request, message) => {
      void refusalOf(message).then(settle, () => fail("broken"));
    });
    socket.on("close", () => settle(undefined));
  });
}

async function refusalOf(message: IncomingMessage): Promise<HttpResponse> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message) {
    size += (chunk as Buffer).length;
    if (size <= REFUSAL_CAP) chunks.push(chunk as Buffer);
  }
  return { status: message.statusCode ?? 0, headers: message.headers, body: Buffer.concat(chunks) };
}
