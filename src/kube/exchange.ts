import type { ConfigurationOptions, RequestContext, ResponseContext } from "@kubernetes/client-node";
import { ApiFault, answerFault, networkFault } from "./apiFault.ts";
import type { Connections } from "./connections.ts";
import type { Authorisation, Credentials } from "./credentials.ts";
import type * as Libraries from "./libraries.ts";

export interface ExchangeOptions {
  /** Go over the client's own. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The longest silence before the answer and within it, where they are not the pool's. */
  readonly headersTimeout?: number;
  readonly bodyTimeout?: number;
}

/** A 2xx that has begun; both throw ApiFault. */
export interface Answer {
  text(): Promise<string>;
  /** Line by line, as they come. */
  lines(): AsyncGenerator<string>;
}

/** One call of the generated client; `options` must be passed on to it. */
export type Invoke = (options: ConfigurationOptions) => Promise<unknown>;

/** Sends one request over the shared sockets. Throws ApiFault for anything but a 2xx, and follows no redirect. */
export type Exchange = (invoke: Invoke, options: ExchangeOptions, signal: AbortSignal) => Promise<Answer>;

/** The client builds the request and we carry it: its answer is taken before the client reshapes it. */
export function createExchange(k: typeof Libraries, credentials: Credentials, connections: Connections): Exchange {
  const carry = createCarry(k, credentials, connections);
  return async (invoke, options, signal) => {
    let answer: Answer | undefined;
    const send = async (request: RequestContext): Promise<ResponseContext> => {
      answer = await carry(request, options, signal);
      return emptyAnswer(k);
    };
    await invoke({ httpApi: k.wrapHttpLibrary({ send }) });
    if (answer === undefined) throw new ApiFault({ kind: "shape" });
    return answer;
  };
}

function emptyAnswer(k: typeof Libraries): ResponseContext {
  const nothing = Buffer.from("null");
  return new k.ResponseContext(
    200,
    { "content-type": "application/json" },
    { text: async () => "null", binary: async () => nothing, stream: () => null },
  );
}

type Carry = (request: RequestContext, options: ExchangeOptions, signal: AbortSignal) => Promise<Answer>;

function createCarry(k: typeof Libraries, credentials: Credentials, connections: Connections): Carry {
  return async (request, { headers, ...limits }, signal) => {
    const authorisation = await authorise(credentials, signal);
    const body = request.getBody();
    const answer = await orFault(signal, () =>
      k.request(request.getUrl(), {
        method: request.getHttpMethod(),
        headers: { "User-Agent": "helmwarden", ...request.getHeaders(), ...headers, ...authorisation.headers },
        body: typeof body === "string" ? body : null,
        dispatcher: connections.pool(authorisation.connection),
        signal,
        ...limits,
      }),
    );
    const text = (): Promise<string> => orFault(signal, () => answer.body.text());
    if (answer.statusCode >= 200 && answer.statusCode < 300) return { text, lines: () => linesOf(answer.body, signal) };
    throw answerFault(answer.statusCode, await text(), String(answer.headers["retry-after"] ?? "") || undefined);
  };
}

async function authorise(credentials: Credentials, signal: AbortSignal): Promise<Authorisation> {
  try {
    return await credentials.authorise(signal);
  } catch {
    throw new ApiFault({ kind: signal.aborted ? "timeout" : "credentials" });
  }
}

async function* linesOf(body: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const chunk of body) {
      const [first = "", ...more] = decoder.decode(chunk, { stream: true }).split("\n");
      rest += first;
      for (const part of more) {
        yield rest;
        rest = part;
      }
    }
  } catch (caught) {
    throw faultOf(caught, signal);
  }
}

async function orFault<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (caught) {
    throw faultOf(caught, signal);
  }
}

function faultOf(caught: unknown, signal: AbortSignal): ApiFault {
  return signal.aborted ? new ApiFault({ kind: "timeout" }) : networkFault(caught);
}
