import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { SecretValue } from "../../../src/core/secretValue.ts";
import type { Callers } from "../../../src/daemon/callers.ts";
import { createMetrics } from "../../../src/daemon/metrics.ts";
import { type DaemonServer, startServer } from "../../../src/daemon/server.ts";
import { statusPage } from "../../../src/daemon/statusPage.ts";
import { CANARY, canary } from "../../support/canary.ts";
import { realClock } from "../../support/clock.ts";
import { type SettableView, viewOf } from "../../support/daemonView.ts";
import { call, type HttpCall } from "../../support/http.ts";
import { expectFault, expectSilent, recordingLog } from "../../support/silence.ts";

const token = canary("status-token");
const OPEN: Callers = { statusToken: async () => SecretValue.fromText(token), hooks: new Map() };
const running: DaemonServer[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(running.splice(0).map((server) => server.close()));
});

async function start(callers: Callers = OPEN, view: SettableView = viewOf()) {
  const log = recordingLog();
  const deps = { clock: realClock, log };
  const server = await startServer(
    { address: "127.0.0.1", port: 0 },
    view,
    await createMetrics("1"),
    () => callers,
    deps,
  );
  running.push(server);
  const url = `http://127.0.0.1:${server.port}`;
  return { server, view, log, url, ask: (path: string, options: HttpCall = {}) => call(url + path, options) };
}

/** A connection that says only what it is told, and what came back until the server closed it. */
async function speak(port: number, ...parts: readonly string[]): Promise<{ socket: Socket; said: Promise<string> }> {
  const socket = connect(port, "127.0.0.1");
  sockets.push(socket);
  await once(socket, "connect");
  let text = "";
  socket.setEncoding("utf8").on("data", (part: string) => (text += part));
  socket.on("error", () => undefined);
  const said = once(socket, "close").then(() => text);
  for (const part of parts) socket.write(part);
  return { socket, said };
}

describe("health", () => {
  test("/livez lists the loops, and fails with any of them", async () => {
    const { ask, view } = await start();
    expect(await ask("/livez")).toEqual({
      status: 200,
      body: { ok: true, loops: [{ loop: "poll", ageMs: 10, ok: true }] },
    });
    view.loops.push({ loop: "watch berlin", ageMs: 900_000, ok: false });
    expect(await ask("/livez")).toMatchObject({ status: 503, body: { ok: false } });
    expect((await ask("/livez", { method: "HEAD" })).status).toBe(503);
  });

  test("/readyz says what the view says", async () => {
    const { ask, view } = await start();
    expect(await ask("/readyz?verbose")).toEqual({ status: 200, body: { ok: true, detail: "ready" } });
    view.readiness = { ok: false, detail: "the API server does not answer" };
    expect(await ask("/readyz")).toEqual({
      status: 503,
      body: { ok: false, detail: "the API server does not answer" },
    });
  });
});

test("/metrics is text for Prometheus", async () => {
  const { ask } = await start();
  const { status, body } = await ask("/metrics");
  expect(status).toBe(200);
  expect(body).toContain('helmwarden_store_age_seconds{store="vault"} 12\n');
});

function bearer(text: string): HttpCall {
  return { headers: { authorization: `Bearer ${text}` } };
}

describe("/v1/status", () => {
  test("shows the page to whoever has the token", async () => {
    const { ask, view } = await start();
    const { status, body } = await ask("/v1/status", bearer(token));
    expect(status).toBe(200);
    expect(statusPage.parse(body)).toEqual(view.status());
  });

  test.each([undefined, "", canary("guess"), token.slice(0, -1), `${token}x`])(
    "refuses a wrong token",
    async (guess) => {
      const { ask } = await start();
      const { status, body } = await ask("/v1/status", guess === undefined ? {} : bearer(guess));
      expect(status).toBe(401);
      expectSilent(body);
    },
  );

  test("is closed without a token, and says how to open it", async () => {
    const { ask } = await start({ ...OPEN, statusToken: undefined });
    const { status, body } = await ask("/v1/status", bearer(token));
    expect(status).toBe(403);
    expect(body).toEqual({ error: "The status is closed; set `http.token` in the HelmwardenConfig to open it." });
  });
});

describe("what is not there", () => {
  test.each(["/", "/nothing", "/v1/hooks", "/v1/hooks/", "/v1/hooks/a/b", "/v1/hooks/%2e", "//livez", `/${CANARY}`])(
    "%s is 404 in JSON, and quotes nothing",
    async (path) => {
      const { ask } = await start();
      const { status, body } = await ask(path);
      expect(status).toBe(404);
      expect(body).toHaveProperty("error");
      expectSilent(body);
    },
  );

  test.each([
    ["POST", "/livez", "GET"],
    ["DELETE", "/v1/status", "GET"],
    ["GET", "/v1/hooks/vault", "POST"],
    ["OPTIONS", "/metrics", "GET"],
  ])("%s %s is 405 and allows %s", async (method, path, allowed) => {
    const { url } = await start();
    const response = await fetch(url + path, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe(allowed);
    expect(await response.json()).toEqual({ error: `Use ${allowed}.` });
  });
});

test("a fault inside is a constant outside, and a class name in the log", async () => {
  const view = viewOf();
  view.status = () => {
    throw new TypeError(canary("foreign"));
  };
  const { ask, log } = await start(OPEN, view);
  const answer = await ask("/metrics");
  expect(answer).toEqual({ status: 503, body: { error: "The daemon cannot answer this now; its log says why." } });
  expect(log.lines).toHaveLength(1);
  expect(log.lines[0]).toContain("Internal");
  expectSilent(log.lines);
});

describe("callers that mean no good", () => {
  test("who sends headers or a body slowly is cut off, and others are served meanwhile", async () => {
    const hook = { paths: [], pushToken: async () => SecretValue.fromText(token), webhook: undefined };
    const { server, ask, view } = await start({ ...OPEN, hooks: new Map([["vault", hook]]) });
    const began = performance.now();
    const slowHead = await Promise.all(
      Array.from({ length: 50 }, () => speak(server.port, "GET /livez HTTP/1.1\r\nHost: a\r\n", "X-A: 1")),
    );
    const drip = setInterval(() => {
      for (const { socket } of slowHead) socket.write("1");
    }, 300);
    const head = `POST /v1/hooks/vault HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nContent-Length: 50\r\n\r\n`;
    const slowBody = await speak(server.port, head, "{");
    expect((await ask("/livez")).status).toBe(200);
    const heads = await Promise.all(slowHead.map(({ said }) => said));
    clearInterval(drip);
    expect(performance.now() - began).toBeLessThan(9_000);
    expect(new Set(heads.map((text) => text.split("\r\n")[0]))).toEqual(new Set(["HTTP/1.1 408 Request Timeout"]));
    expect(await slowBody.said).not.toContain("202");
    expect(performance.now() - began).toBeLessThan(15_000);
    expect(view.hooked).toEqual([]);
    expect((await ask("/livez")).status).toBe(200);
  });

  test("headers without end, and what is no HTTP", async () => {
    const { server, ask } = await start();
    const long = await speak(server.port, `GET /livez HTTP/1.1\r\nX-A: ${canary("head")}${"a".repeat(20_000)}\r\n\r\n`);
    expect(await long.said).toMatch(/^HTTP\/1.1 431 /);
    const noise = await speak(server.port, `${canary("noise")}\r\n\r\n`);
    const said = await noise.said;
    expect(said).toMatch(/^HTTP\/1.1 400 /);
    expect(said).not.toContain(CANARY);
    expect((await ask("/livez")).status).toBe(200);
  });

  test("a body without end is not listened to until it ends", async () => {
    const hook = { paths: [], pushToken: async () => SecretValue.fromText(token), webhook: undefined };
    const { server, view, log } = await start({ ...OPEN, hooks: new Map([["vault", hook]]) });
    const head = `POST /v1/hooks/vault HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nContent-Length: 9000000000\r\n\r\n`;
    const began = performance.now();
    const { said } = await speak(server.port, head, "a".repeat(2_000_000));
    await said;
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(view.hooked).toEqual([]);
    expect(log.lines.filter((line) => line.startsWith("error"))).toEqual([]);
  });

  test("a caller who goes away in the middle of a body is no fault of ours", async () => {
    const hook = { paths: [], pushToken: async () => SecretValue.fromText(token), webhook: undefined };
    const { server, ask, log, view } = await start({ ...OPEN, hooks: new Map([["vault", hook]]) });
    const sent = httpRequest({
      port: server.port,
      method: "POST",
      path: "/v1/hooks/vault",
      headers: { authorization: `Bearer ${token}`, "content-length": 100 },
    });
    sent.on("error", () => undefined);
    sent.write("{");
    await once(sent, "socket");
    await ask("/livez");
    sent.destroy();
    await ask("/livez");
    expect(log.lines.filter((line) => line.startsWith("error"))).toEqual([]);
    expect(view.hooked).toEqual([]);
  });
});

describe("its end", () => {
  test("idle and half-open connections are closed with it, and nobody is let in", async () => {
    const { server, url } = await start();
    const idle = await speak(server.port, "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
    await once(idle.socket, "data");
    const half = await speak(server.port, "GET /livez HTTP/1.1\r\n");
    const began = performance.now();
    await server.close();
    expect(performance.now() - began).toBeLessThan(4_000);
    expect(await idle.said).toContain("HTTP/1.1 200 OK");
    await half.said;
    await expect(call(`${url}/livez`)).rejects.toThrow("ECONNREFUSED");
    await server.close();
  });

  test("a port that is taken is told with what to change", async () => {
    const { server } = await start();
    const deps = { clock: realClock, log: recordingLog() };
    const again = { address: "127.0.0.1", port: server.port };
    const metrics = await createMetrics("1");
    const fault = await expectFault("ConfigInvalid", () => startServer(again, viewOf(), metrics, () => OPEN, deps));
    expect(fault.message).toContain(`port ${server.port}: something else does. Change http.address or http.port.`);
    const nowhere = { address: "192.0.2.1", port: 0 };
    await expectFault("ConfigInvalid", () => startServer(nowhere, viewOf(), metrics, () => OPEN, deps));
  });
});
