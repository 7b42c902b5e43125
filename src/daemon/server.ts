import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { HelmwardenError, toHelmwardenError } from "../errors.ts";
import type { Clock, Log } from "../ports.ts";
import { type Answer, refusal, send } from "./answer.ts";
import { carriesToken } from "./bearer.ts";
import type { Callers } from "./callers.ts";
import { createHooks } from "./hooks.ts";
import type { Metrics } from "./metrics.ts";
import type { DaemonView, LoopState, Readiness } from "./view.ts";

export interface DaemonServer {
  /** The one it got, where 0 was asked for. */
  readonly port: number;
  /** Takes no more connections, lets running answers end, and cuts what is left after two seconds. */
  close(): Promise<void>;
}

interface Route {
  readonly method: "GET" | "POST";
  readonly answer: (request: IncomingMessage) => Answer | Promise<Answer>;
}

/** Against callers that send slowly or for ever; in milliseconds and bytes. */
const LIMITS = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16_384,
};
const MAX_CONNECTIONS = 1_000;
const CUT_AFTER_MS = 2_000;

/**
 * Listens and answers for the daemon; docs/operations.md lists the requests. `callers` is asked at each request.
 * Rejects with ConfigInvalid if it cannot listen.
 */
export async function startServer(
  options: { readonly address: string; readonly port: number },
  view: DaemonView,
  metrics: Metrics,
  callers: () => Callers,
  deps: { readonly clock: Clock; readonly log: Log },
): Promise<DaemonServer> {
  const find = router(view, metrics, callers, deps);
  const server = createServer(LIMITS, (request, response) => {
    void answerTo(request, find, deps.log).then((answer) => send(answer, response));
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, options);
  server.on("error", () => deps.log.error("the HTTP server failed"));
  return { port: (server.address() as AddressInfo).port, close: () => close(server) };
}

function router(
  view: DaemonView,
  metrics: Metrics,
  callers: () => Callers,
  deps: { readonly clock: Clock; readonly log: Log },
): (path: string) => Route | undefined {
  const hook = createHooks(view, metrics, callers, deps);
  const get = (answer: Route["answer"]): Route => ({ method: "GET", answer });
  const routes = new Map<string, Route>([
    ["/livez", get(() => liveAnswer(view.live()))],
    ["/readyz", get(() => healthAnswer(view.ready()))],
    ["/metrics", get(async () => ({ status: 200, body: await metrics.page(view) }))],
    ["/v1/status", get((request) => statusAnswer(request, view, callers()))],
  ]);
  return (path) => {
    const store = /^\/v1\/hooks\/([-.a-z0-9]{1,253})$/.exec(path)?.[1];
    return store === undefined ? routes.get(path) : { method: "POST", answer: (request) => hook(store, request) };
  };
}

/** Never rejects: a fault of ours is one line in the log, and a constant outside. */
async function answerTo(
  request: IncomingMessage,
  find: (path: string) => Route | undefined,
  log: Log,
): Promise<Answer> {
  const route = find(request.url?.split("?")[0] ?? "");
  if (route === undefined) return refusal(404, "There is nothing here; docs/operations.md lists what there is.");
  const method = request.method === "HEAD" ? "GET" : request.method;
  if (method !== route.method) return refusal(405, `Use ${route.method}.`, { allow: route.method });
  try {
    return await route.answer(request);
  } catch (caught) {
    if (request.destroyed && !request.complete) return refusal(400, "The request broke off.");
    const { code, message } = toHelmwardenError(caught);
    log.error("a request could not be answered", { code, advice: message });
    return refusal(503, "The daemon cannot answer this now; its log says why.");
  }
}

function liveAnswer(loops: readonly LoopState[]): Answer {
  const shown = loops.map((one) => ({ ...one, ageMs: Math.round(one.ageMs) }));
  return healthAnswer({ ok: loops.every(({ ok }) => ok), loops: shown });
}

function healthAnswer(body: Readiness | { readonly ok: boolean; readonly loops: readonly LoopState[] }): Answer {
  return { status: body.ok ? 200 : 503, body };
}

async function statusAnswer(request: IncomingMessage, view: DaemonView, { statusToken }: Callers): Promise<Answer> {
  if (statusToken === undefined) {
    return refusal(403, "The status is closed; set `http.token` in the HelmwardenConfig to open it.");
  }
  if (carriesToken(request.headers.authorization, await statusToken())) return { status: 200, body: view.status() };
  return refusal(401, "The token is missing or wrong; send the one of `http.token`.", { "www-authenticate": "Bearer" });
}

async function listen(server: Server, { address, port }: { address: string; port: number }): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(listenFault(address, port, error.code)));
    server.listen(port, address, resolve);
  });
  server.removeAllListeners("error");
}

function listenFault(address: string, port: number, code: string | undefined): HelmwardenError {
  const why =
    { EADDRINUSE: "something else does", EACCES: "this user must not" }[code ?? ""] ?? "there is no such address";
  const message = `The daemon cannot listen on ${address} port ${port}: ${why}. Change http.address or http.port.`;
  return new HelmwardenError("ConfigInvalid", message);
}

async function close(server: Server): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), CUT_AFTER_MS);
  await new Promise<void>((resolve) => void server.close(() => resolve()));
  clearTimeout(cut);
}
