// A loopback HTTP server between a client and a real server: it keeps what was asked, and answers itself where a test wants.
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface RelayedRequest {
  readonly method: string;
  /** As it was sent. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

export interface RelayAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Relay {
  readonly address: string;
  readonly requests: readonly RelayedRequest[];
  /** Asked first for each request, which waits; what it gives is answered and the real server never asked. */
  answer: (request: RelayedRequest) => RelayAnswer | undefined | Promise<RelayAnswer | undefined>;
  /** Called when the real server has answered, before the client hears of it. */
  onAnswer: (request: RelayedRequest) => void | Promise<void>;
  close(): Promise<void>;
}

/** Without a target everything that `answer` leaves is a 500. */
export async function startRelay(target?: string): Promise<Relay> {
  const requests: RelayedRequest[] = [];
  const server = createServer((asked, reply) => void handle(asked, reply));
  const handle = async (asked: IncomingMessage, reply: ServerResponse): Promise<void> => {
    const { method = "", url: path = "", headers } = asked;
    requests.push({ method, path, headers });
    const own = (await relay.answer({ method, path, headers })) ?? (target === undefined ? { status: 500 } : undefined);
    if (own !== undefined) {
      asked.resume();
      reply.writeHead(own.status, own.headers).end(own.body);
      return;
    }
    const { hostname, port } = new URL(target ?? "");
    const onward = request({ hostname, port, method, path, headers }, (answer) => {
      void pass(answer, { method, path, headers }, reply);
    });
    onward.on("error", () => reply.destroy());
    asked.pipe(onward);
  };
  const pass = async (answer: IncomingMessage, asked: RelayedRequest, reply: ServerResponse): Promise<void> => {
    await relay.onAnswer(asked);
    reply.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(reply);
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const relay: Relay = {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answer: () => undefined,
    onAnswer: () => {},
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return relay;
}
