// Our HTTP client against a server that is slow, stingy or crowded.
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createHttpClient, type HttpClient, type HttpOptions } from "../../../src/providers/http.ts";
import { realClock } from "../../support/clock.ts";
import { expectFault } from "../../support/silence.ts";

const signal = new AbortController().signal;
const get = { method: "GET", path: "/" };
let server: Server;
let serve: (reply: ServerResponse) => void;
let asked: number;
let sockets: number;
let client: HttpClient;

beforeEach(async () => {
  asked = 0;
  sockets = 0;
  server = createServer((_request, reply) => {
    asked += 1;
    serve(reply);
  });
  server.on("connection", () => (sockets += 1));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(() => {
  client.close();
  server.closeAllConnections();
  server.close();
});

function open(options: Partial<HttpOptions> = {}): HttpClient {
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  client = createHttpClient({ subject: "Store test", baseUrl, ...options }, { clock: realClock, random: () => 0 });
  return client;
}

it("uses no more connections than it may, and the same ones again", async () => {
  serve = (reply) => void setTimeout(() => reply.end("{}"), 5);
  open({ concurrency: 3 });
  await Promise.all(Array.from({ length: 20 }, () => client.send(get, signal)));
  await client.send(get, signal);
  expect({ asked, sockets }).toEqual({ asked: 21, sockets: 3 });
});

it("does not count waiting for a connection as the server's slowness", async () => {
  serve = (reply) => void setTimeout(() => reply.end("{}"), 60);
  open({ concurrency: 1, attemptTimeoutMs: 200 });
  const answers = await Promise.all(Array.from({ length: 6 }, () => client.send(get, signal)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
});

it("gives up on a body that never ends, after every attempt", async () => {
  serve = (reply) => void reply.write("{");
  open({ attemptTimeoutMs: 50 });
  await expectFault("StoreUnavailable", () => client.send(get, signal));
  expect(asked).toBe(4);
  await expectFault("StoreUnavailable", () => client.send(get, signal));
  expect(asked).toBe(5);
});

it("ends all attempts at the deadline", async () => {
  serve = () => undefined;
  open({ attemptTimeoutMs: 60, deadlineMs: 150 });
  const start = performance.now();
  await expectFault("StoreUnavailable", () => client.send(get, signal));
  expect(performance.now() - start).toBeLessThan(1_000);
  expect(asked).toBeLessThan(4);
});

it("ends with the caller's signal in the middle of a body", async () => {
  const controller = new AbortController();
  serve = (reply) => {
    reply.write("{");
    controller.abort();
  };
  open();
  await expectFault("Cancelled", () => client.send(get, controller.signal));
});

it("tries a cut connection again for a read only", async () => {
  serve = (reply) => (asked % 2 === 1 ? void reply.destroy() : void reply.end("{}"));
  open();
  expect((await client.send(get, signal)).status).toBe(200);
  await expectFault("StoreUnavailable", () => client.send({ method: "POST", path: "/", json: {} }, signal));
  expect(asked).toBe(3);
});

it("puts the base URL's path before each request's", async () => {
  const paths: (string | undefined)[] = [];
  server.on("request", ({ url }) => paths.push(url));
  serve = (reply) => void reply.end("{}");
  open();
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/below/`;
  client = createHttpClient({ subject: "Store test", baseUrl: base }, { clock: realClock });
  await client.send({ method: "GET", path: "/v1/a%2Fb?c=d" }, signal);
  expect(paths).toEqual(["/below/v1/a%2Fb?c=d"]);
});
