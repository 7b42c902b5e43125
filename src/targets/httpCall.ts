import { type ClientRequest, type IncomingMessage, request as requestPlain } from "node:http";
import { request as requestSecure } from "node:https";
import { isIP } from "node:net";
import { HelmwardenError } from "../errors.ts";

/** One request to a system of the user's. Its parts may be secrets, so nothing of it is ever shown but the host. */
export interface HttpCall {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: Buffer;
}

const DEADLINE_MS = 30_000;
const LARGEST_ANSWER = 1_048_576;

const CERTIFICATE = /CERT|SELF_SIGNED|VERIFY|ALTNAME|^ERR_TLS_|^ERR_SSL_|^EPROTO$/;

/**
 * Sends once, on a connection of its own; redirects are answers like others. https, or http to this machine only:
 * ConfigInvalid otherwise. TargetUnavailable where there is no whole answer within half a minute.
 */
export async function callHttp(call: HttpCall, what: string, signal: AbortSignal): Promise<HttpAnswer> {
  const url = allowedUrl(call.url, what);
  const shown = `${what} at ${url.host}`;
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  try {
    return await exchange(call, url, AbortSignal.any([signal, deadline]));
  } catch (caught) {
    if (signal.aborted)
      throw new HelmwardenError("Cancelled", `The request to ${shown} was cancelled before it ended; run it again.`);
    const [happened, advice] = deadline.aborted ? SLOW : faultOf(caught);
    throw new HelmwardenError("TargetUnavailable", `${shown} ${happened}. ${advice}.`);
  }
}

function allowedUrl(text: string, what: string): URL {
  const url = URL.parse(text);
  if (url !== null && url.username === "" && url.password === "") {
    if (url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname))) return url;
  }
  throw new HelmwardenError(
    "ConfigInvalid",
    `${what} has no https URL. Secrets go over http to this machine only: correct the RotationPolicy.`,
  );
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || (isIP(hostname) === 4 && hostname.startsWith("127."));
}

function exchange({ method, headers, body }: HttpCall, url: URL, signal: AbortSignal): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const send = url.protocol === "https:" ? requestSecure : requestPlain;
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const all = { "user-agent": "helmwarden", accept: "application/json", ...headers, ...length };
    const request: ClientRequest = send(url, { method, headers: all, agent: false, signal, minVersion: "TLSv1.2" });
    request.on("error", reject);
    request.on("response", (message) => {
      wholeOf(message).then((whole) => resolve({ status: message.statusCode ?? 0, body: whole }), reject);
    });
    request.end(body);
  });
}

class TooLarge extends Error {}

async function wholeOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message) {
    size += (chunk as Buffer).length;
    if (size > LARGEST_ANSWER) throw new TooLarge();
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

const SLOW = ["did not answer in time", "What was asked is tried again"] as const;

/** Only the code of a foreign error is read: its text may quote headers. */
function faultOf(caught: unknown): readonly [string, string] {
  if (caught instanceof TooLarge) return ["sent more than 1 MiB", "See whether the URL is right"];
  const code = caught instanceof Error && "code" in caught ? String(caught.code) : "";
  if (CERTIFICATE.test(code)) return ["shows a certificate that is not trusted", "Name its CA in NODE_EXTRA_CA_CERTS"];
  if (code === "ERR_INVALID_CHAR") return ["cannot be asked this", "Look for line breaks in the parts of its headers"];
  return ["could not be reached, or broke off", "What was asked is tried again"];
}
