// A small system with an API for its keys, as a target of rotations meets one; and a receiver that keeps what it is sent.
import { randomUUID } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { canary } from "./canary.ts";

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface ReceiverAnswer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** `answer` "silence": the request is taken and never answered. */
export async function startReceiver(answer: (received: Received) => ReceiverAnswer | "silence") {
  const requests: Received[] = [];
  const server = createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    message.on("end", () => {
      const { method = "", url = "", headers } = message;
      const received = { method, url, headers, body: Buffer.concat(chunks).toString() };
      requests.push(received);
      const given = answer(received);
      if (given !== "silence") response.writeHead(given.status, given.headers).end(given.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: async (): Promise<void> => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * POST /keys {label} → {data: [{key, id}]}, DELETE /keys/ID, and DELETE /keys with the key in `x-key`: with the admin's
 * key. GET /me with a key itself.
 */
export async function startKeyService() {
  const keys = new Map<string, string>();
  const adminKey = canary("admin-key");
  const receiver = await startReceiver(({ method, url, headers, body }) => {
    const bearer = headers.authorization?.slice("Bearer ".length);
    if (method === "GET" && url === "/me") return { status: [...keys.values()].includes(bearer ?? "") ? 200 : 401 };
    if (bearer !== adminKey) return { status: 403 };
    if (method === "POST" && url === "/keys") {
      const { label } = JSON.parse(body) as { label: string };
      const [id, key] = [`id-${label}-${randomUUID()}`, canary("key")];
      keys.set(id, key);
      return { status: 201, body: JSON.stringify({ data: [{ key, id }] }) };
    }
    const named = [...keys].find(([, key]) => key === headers["x-key"])?.[0];
    if (method === "DELETE" && url === "/keys") return { status: keys.delete(named ?? "") ? 204 : 404 };
    const id = method === "DELETE" ? decodeURIComponent(url.slice("/keys/".length)) : "";
    return { status: keys.delete(id) ? 204 : 404 };
  });
  return { ...receiver, keys, adminKey };
}
