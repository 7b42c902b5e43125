// Plays Infisical's HTTP API, refusals included: in a test by `startInfisical`, or as a program by
// `node test/support/infisicalServer.ts --port N`, which prints one JSON line with what a client needs and then
// takes admin calls as POST /__admin/<name> with a JSON array of arguments.
import { createHash, randomUUID } from "node:crypto";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { EventStreams, type EventsOffered } from "./infisicalEvents.ts";
import type { Project, ServedSecret } from "./infisicalProject.ts";
import { makeFolder, newProject, trimmed } from "./infisicalProject.ts";
import { Refusal } from "./infisicalRefusal.ts";
import type { Answer } from "./infisicalRoutes.ts";
import { answerTo } from "./infisicalRoutes.ts";
import type { AuthMethod, ClientSecret, Identity, LoginAnswer } from "./infisicalTokens.ts";
import { Tokens } from "./infisicalTokens.ts";

export interface InfisicalServerOptions {
  readonly port?: number;
  /** Milliseconds; for tests that do not want to wait. */
  readonly now?: () => number;
  readonly tls?: { readonly key: string; readonly cert: string };
  /** `early`: the v4 that still wanted `include_imports`. `none`: a server from before v4. */
  readonly v4?: "current" | "early" | "none";
  /** Off: a server from before `/api/v1/projects`. */
  readonly projectRoutes?: boolean;
  /** Requests a minute, as on Infisical Cloud; none by default, as on a self-hosted one. */
  readonly rateLimit?: number;
  readonly projectId?: string;
  readonly projectSlug?: string;
  /** `notInPlan`: without an Enterprise licence. `none`: a server from before events. Default `notInPlan`. */
  readonly events?: EventsOffered;
}

export type Role = "admin" | "no-access" | "none";
export type Silence = "answer" | "body";

export interface SeenRequest {
  readonly method: string;
  /** Without the query, ids as `:id`. */
  readonly route: string;
  readonly url: URL;
  readonly authorization: string | undefined;
  readonly ifNoneMatch: string | undefined;
  readonly body: string;
  readonly status: number;
}

/** All that the routes work on. */
export interface World {
  readonly now: () => number;
  readonly tokens: Tokens;
  readonly projects: Map<string, Project>;
  readonly roles: Map<string, Role>;
  readonly v4: "current" | "early" | "none";
  readonly projectRoutes: boolean;
  readonly events: EventStreams;
}

export type InfisicalServer = Awaited<ReturnType<typeof startInfisical>>;

/** Starts it on a free port of 127.0.0.1 with one project and the environments dev, staging and prod. */
export async function startInfisical(options: InfisicalServerOptions = {}) {
  const now = options.now ?? Date.now;
  const project = newProject(options.projectId ?? randomUUID(), options.projectSlug ?? "shop-x1-yz", ENVIRONMENTS);
  const world: World = {
    tokens: new Tokens(now),
    projects: new Map([[project.id, project]]),
    roles: new Map(),
    v4: options.v4 ?? "current",
    projectRoutes: options.projectRoutes ?? true,
    now,
    events: new EventStreams(options.events ?? "notInPlan"),
  };
  const faults: { status: number; headers: Record<string, string> }[] = [];
  const surprises: { readonly route: string; readonly work: () => void }[] = [];
  const requests: SeenRequest[] = [];
  const windows = { startedAt: 0, used: 0 };
  let silence: Silence | undefined;

  const listener: RequestListener = (message, response) => {
    void handle(message, response);
  };

  async function handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(message).catch(() => undefined);
    if (body === undefined) return;
    if (message.url?.startsWith("/__admin/")) return adminCall(message.url.slice(9), body, response);
    if (silence === "answer") return;
    const route = `${message.method} ${message.url?.split("?")[0]}`;
    const surprise = surprises.findIndex((one) => one.route === route);
    if (surprise !== -1) surprises.splice(surprise, 1)[0]?.work();
    const answer = played(message, body);
    if (answer.headers["content-type"] === "text/event-stream") world.events.begin(response, answer.headers, body);
    else send(response, answer);
  }

  function played(message: IncomingMessage, body: string): Answer {
    const answer = faultOr(() => limited(() => answerTo(world, message, body)));
    const url = new URL(message.url ?? "/", "http://infisical");
    requests.push({
      method: message.method ?? "",
      route: url.pathname.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, ":id"),
      url,
      authorization: message.headers.authorization,
      ifNoneMatch: message.headers["if-none-match"],
      body,
      status: answer.status,
    });
    if (answer.status !== 200) return answer;
    const etag = answer.headers["etag"] ?? `"${createHash("sha1").update(answer.body).digest("base64")}"`;
    const wanted = message.headers["if-none-match"]?.replace(/^W\//, "");
    const fresh = message.method === "GET" && wanted === etag;
    if (fresh) requests[requests.length - 1] = { ...requests[requests.length - 1]!, status: 304 };
    return { status: fresh ? 304 : 200, headers: { ...answer.headers, etag }, body: fresh ? "" : answer.body };
  }

  function faultOr(next: () => Answer): Answer {
    const fault = faults.shift();
    if (!fault) return next();
    const body =
      fault.status === 500 ? { statusCode: 500, error: "InternalServerError", message: "Something went wrong" } : "";
    return { status: fault.status, headers: fault.headers, body: body === "" ? "" : JSON.stringify(body) };
  }

  function limited(next: () => Answer): Answer {
    const limit = options.rateLimit;
    if (limit === undefined) return next();
    if (now() - windows.startedAt >= 60_000) Object.assign(windows, { startedAt: now(), used: 0 });
    windows.used += 1;
    const reset = String(Math.ceil((windows.startedAt + 60_000 - now()) / 1000));
    const headers = {
      "x-ratelimit-limit": String(limit),
      "x-ratelimit-remaining": String(Math.max(0, limit - windows.used)),
      "x-ratelimit-reset": reset,
    };
    if (windows.used <= limit) {
      const answer = next();
      return { ...answer, headers: { ...answer.headers, ...headers } };
    }
    const refusal = new Refusal(429, "RateLimitExceeded", `Rate limit exceeded. Please try again in ${reset} seconds`);
    return { status: 429, headers: { ...headers, "retry-after": reset }, body: JSON.stringify(refusal.body) };
  }

  function send(response: ServerResponse, answer: Answer): void {
    const length = String(Buffer.byteLength(answer.body));
    response.writeHead(answer.status, {
      "content-type": "application/json; charset=utf-8",
      "content-length": length,
      vary: "Origin",
      ...answer.headers,
    });
    if (silence === "body") response.write(answer.body.slice(0, 10));
    else response.end(answer.body);
  }

  function adminCall(name: string, body: string, response: ServerResponse): void {
    const call = (admin as unknown as Record<string, (...args: unknown[]) => unknown>)[name];
    const result = call?.(...(JSON.parse(body || "[]") as unknown[]));
    response.writeHead(call ? 200 : 404).end(JSON.stringify(result ?? null));
  }

  const admin = {
    projectId: project.id,
    projectSlug: project.slug,
    requests,
    /** An identity that may log in, and its place in the project. `proof` is its secret, jwt, password or AWS key id. */
    addIdentity(method: AuthMethod, proof: string, settings: Partial<Identity> & { role?: Role } = {}): Identity {
      const limits = { ttl: 600, maxTtl: 3600, usesLimit: 0, account: randomUUID() };
      const { role, ...rest } = settings;
      const identity = { id: randomUUID(), method, proof, ...limits, ...rest };
      world.tokens.add(identity);
      world.roles.set(identity.id, role ?? "admin");
      return identity;
    },
    addClientSecret(identity: Identity, secret: ClientSecret): void {
      world.tokens.clientSecrets(identity).push(secret);
    },
    /** Ends the first client secret of an identity, as a person would. */
    revokeProof(identity: Identity): void {
      const first = world.tokens.clientSecrets(identity)[0];
      if (first) first.revoked = true;
    },
    setRole(identityId: string, role: Role): void {
      world.roles.set(identityId, role);
    },
    /** A token as token auth gives it, without a login. */
    issueToken(identity: Identity): LoginAnswer {
      return world.tokens.issue(identity, { jti: randomUUID(), creationEpoch: now() / 1000 });
    },
    putSecret(path: string, key: string, value: string, environment = "prod", hidden = false): void {
      const { secrets } = makeFolder(project, environment, path);
      const before = secrets.get(key);
      const at = new Date(now()).toISOString();
      world.events.tell(before ? "secret:update" : "secret:create", environment, path, key);
      secrets.set(key, {
        id: before?.id ?? randomUUID(),
        key,
        value: trimmed(value),
        version: (before?.version ?? 0) + 1,
        past: before === undefined ? [] : [...(before.past ?? []), before.value],
        createdAt: before?.createdAt ?? at,
        updatedAt: at,
        hidden,
        metadata: [],
      });
    },
    /** Infisical rotates it itself. */
    rotateItself(path: string, key: string, environment = "prod"): void {
      const { secrets } = makeFolder(project, environment, path);
      const secret = secrets.get(key);
      if (secret) secrets.set(key, { ...secret, rotated: true });
    },
    /** Just these keys: what is the same keeps its version. */
    replaceSecrets(path: string, wanted: Readonly<Record<string, string>>, environment = "prod"): void {
      const { secrets } = makeFolder(project, environment, path);
      for (const key of secrets.keys()) if (!Object.hasOwn(wanted, key)) secrets.delete(key);
      for (const [key, value] of Object.entries(wanted))
        if (secrets.get(key)?.value !== value) this.putSecret(path, key, value, environment);
    },
    removeSecret(path: string, key: string, environment = "prod"): void {
      makeFolder(project, environment, path).secrets.delete(key);
      world.events.tell("secret:delete", environment, path, key);
    },
    /** The server has it and does not show it to this identity. */
    /** What people wrote beside a value. */
    annotate(path: string, key: string, notes: Partial<Pick<ServedSecret, "comment" | "tags" | "metadata">>): void {
      const { secrets } = makeFolder(project, "prod", path);
      secrets.set(key, { ...secrets.get(key)!, ...notes });
    },
    hide(path: string, key: string, environment = "prod"): void {
      const { secrets } = makeFolder(project, environment, path);
      const secret = secrets.get(key);
      if (secret) secrets.set(key, { ...secret, hidden: true });
    },
    addFolder(path: string, environment = "prod"): void {
      makeFolder(project, environment, path);
    },
    removeFolder(path: string, environment = "prod"): void {
      project.environments.get(environment)?.delete(path);
    },
    removeEnvironment(environment: string): void {
      project.environments.delete(environment);
    },
    addImport(path: string, from: string, fromEnvironment = "prod", environment = "prod"): void {
      makeFolder(project, environment, path).imports.push({ environment: fromEnvironment, path: from });
    },
    /** Called before the next request of this route is answered, once. */
    before(route: string, work: () => void): void {
      surprises.push({ route, work });
    },
    failNext(times: number, status: number, headers: Record<string, string> = {}): void {
      for (let count = 0; count < times; count += 1) faults.push({ status, headers });
    },
    /** Takes requests and never answers, or stops in the middle of the body. */
    goSilent(how: Silence): void {
      silence = how;
    },
    speak(): void {
      silence = undefined;
    },
    events: world.events,
    revokeTokens(): void {
      world.tokens.revokeAll();
    },
    /** Logins go on, and every token that they give is refused. */
    refuseTokens(): void {
      world.tokens.refuseAll();
    },
    /** Requests so far, of one route if given: `GET /api/v4/secrets`, ids as `:id`. */
    count(route?: string): number {
      return requests.filter((seen) => route === undefined || `${seen.method} ${seen.route}` === route).length;
    },
  };

  const server = options.tls ? createSecureServer(options.tls, listener) : createServer(listener);
  const port = await listening(server, options.port ?? 0);
  return { ...admin, url: `${options.tls ? "https" : "http"}://127.0.0.1:${port}`, close: () => closed(server) };
}

const ENVIRONMENTS = ["dev", "staging", "prod"];

async function readBody(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function listening(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { port: { type: "string", default: "0" } } });
  const server = await startInfisical({ port: Number(values.port) });
  const { account: clientId, proof: clientSecret } = server.addIdentity("universal", randomUUID());
  process.stdout.write(`${JSON.stringify({ url: server.url, projectId: server.projectId, clientId, clientSecret })}\n`);
}
