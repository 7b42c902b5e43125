import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { ListQuery, Project } from "./infisicalProject.ts";
import { listSecrets } from "./infisicalProject.ts";
import { clientSecretRoute } from "./infisicalClientSecrets.ts";
import { createBatch, createFolder, deleteBatch, oneSecret, updateBatch } from "./infisicalWrites.ts";
import { missingFields, notBoolean, notFound, Refusal, unauthorized } from "./infisicalRefusal.ts";
import type { World } from "./infisicalServer.ts";
import type { AuthMethod, Identity } from "./infisicalTokens.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const EVENTS_ROUTE = "/api/v1/events/subscribe/project-events";
const NOT_IN_PLAN =
  "Event subscriptions are not available on your current plan. Please upgrade to access this feature.";

const ORGANIZATION = { id: "6354e551-0ad2-4b28-b1db-222285c484fc", name: "test-org", slug: "test-org-f8w-y" };

const PROJECT_SETTINGS = {
  defaultProduct: null,
  autoCapitalization: false,
  createdAt: "2026-11-23T13:34:43.456Z",
  updatedAt: "2026-11-23T13:34:43.456Z",
  upgradeStatus: null,
  pitVersionLimit: 10,
  kmsCertificateKeyId: null,
  auditLogsRetentionDays: null,
  hasDeleteProtection: false,
  secretSharing: true,
  showSnapshotsLegacy: false,
  secretDetectionIgnoreValues: null,
  enforceEncryptedSecretManagerSecretMetadata: null,
};

/** Answers one request as Infisical does, refusals included. */
export function answerTo(world: World, message: IncomingMessage, body: string): Answer {
  try {
    return route(world, message, body);
  } catch (caught) {
    if (!(caught instanceof Refusal)) throw caught;
    return { status: caught.status, headers: {}, body: JSON.stringify(caught.body) };
  }
}

function route(world: World, message: IncomingMessage, body: string): Answer {
  const url = new URL(message.url ?? "/", "http://infisical");
  // Each route verifies a token that is sent, logins and status too.
  const token = message.headers.authorization?.slice("Bearer ".length);
  const identity = token === undefined ? undefined : world.tokens.authenticate(token);
  const method = message.method ?? "";
  const clientSecret = clientSecretRoute(world, method, url.pathname, parsed(body), identity);
  if (clientSecret) return json(clientSecret);
  const found =
    writeRoute(world, method, url.pathname, body, identity) ??
    (method === "POST" ? post(world, url.pathname, body, identity) : get(world, url, identity));
  if (found) return found;
  // No reqId here: this is how an old server says that it has no v4.
  const where = `Route ${message.method}:${message.url} not found`;
  return { ...json({ message: where, error: "Not Found", statusCode: 404 }), status: 404 };
}

function post(world: World, path: string, text: string, identity: Identity | undefined): Answer | undefined {
  const body = parsed(text);
  if (path === EVENTS_ROUTE && world.events.offered !== "none") return subscription(world, body, identity);
  const login = /^\/api\/v1\/auth\/(universal|kubernetes|oidc|jwt|spiffe|gcp|azure|aws|ldap)-auth\/login$/.exec(path);
  if (login) return json(world.tokens.login(login[1] as AuthMethod, body));
  const own = /^\/api\/v1\/auth\/token\/(renew|revoke)$/.exec(path);
  if (!own) return undefined;
  const accessToken = body["accessToken"];
  if (typeof accessToken !== "string") throw missingFields(["accessToken"]);
  if (own[1] === "renew") return json(world.tokens.renew(accessToken));
  world.tokens.revoke(accessToken);
  return json({ message: "Successfully revoked access token" });
}

function subscription(world: World, body: Record<string, unknown>, identity: Identity | undefined): Answer {
  if (!identity) throw unauthorized("Token missing");
  const { projectId, register } = body;
  if (typeof projectId !== "string") throw missingFields(["projectId"]);
  if (!Array.isArray(register) || register.length < 1 || register.length > 10) throw missingFields(["register"]);
  if (world.events.offered === "notInPlan") throw new Refusal(400, "BadRequest", NOT_IN_PLAN);
  memberProject(world, projectId, identity);
  if (world.roles.get(identity.id) === "no-access") {
    throw new Refusal(403, "PermissionDenied", "You are not allowed to subscribe on secret-events", { details: [] });
  }
  const headers = { "content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no" };
  return { status: 200, headers, body: "" };
}

const BATCHES = { "/api/v4/secrets/batch": "projectId", "/api/v3/secrets/batch/raw": "workspaceId" } as const;
const WRITES: Readonly<Record<string, typeof createBatch>> = {
  POST: createBatch,
  PATCH: updateBatch,
  DELETE: deleteBatch,
};

/** Recordings 033-037, 044-048 and 101. */
function writeRoute(
  world: World,
  method: string,
  path: string,
  text: string,
  identity: Identity | undefined,
): Answer | undefined {
  const byId = BATCHES[path as keyof typeof BATCHES];
  const write = byId === undefined || (world.v4 === "none" && byId === "projectId") ? undefined : WRITES[method];
  if (write === undefined && !(path === "/api/v2/folders" && method === "POST")) return undefined;
  if (!identity) throw unauthorized("Token missing");
  // Fastify's own refusal of a large body is not mapped either.
  if (text.length > 1_048_576) throw new Refusal(500, "InternalServerError", "Something went wrong");
  const body = parsed(text);
  const project = memberProject(world, String(body[byId ?? "projectId"]), identity);
  if (world.roles.get(identity.id) === "no-access") {
    throw new Refusal(403, "PermissionDenied", "You are not allowed to create on secrets", { details: [] });
  }
  const environment = String(body["environment"]);
  if (write === undefined) return json({ folder: createFolder(project, environment, body) });
  return json({ secrets: write(project, environment, body, world.now()) });
}

/** Fastify's own parse error is not mapped by Infisical: malformed JSON is 500. */
function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text || "{}") as Record<string, unknown>;
  } catch {
    throw new Refusal(500, "InternalServerError", "Something went wrong");
  }
}

function get(world: World, url: URL, identity: Identity | undefined): Answer | undefined {
  const { pathname } = url;
  if (pathname === "/api/status") return json(status());
  const list = listRoute(world, pathname);
  const one = /^\/api\/v(?:4\/secrets|3\/secrets\/raw)\/([^/]+)$/.exec(pathname);
  if (one && identity && !(pathname.includes("/v4/") && world.v4 === "none")) {
    const id = url.searchParams.get("projectId") ?? url.searchParams.get("workspaceId") ?? "";
    const environment = url.searchParams.get("environment") ?? "";
    const owner = memberProject(world, id, identity);
    return json({ secret: oneSecret(owner, environment, decodeURIComponent(one[1] ?? ""), url.searchParams) });
  }
  const project = world.projectRoutes ? /^\/api\/v1\/projects\/(slug\/)?([^/]+)$/.exec(pathname) : null;
  if (!list && !project && pathname !== "/api/v1/identities/details") return undefined;
  if (!identity) throw unauthorized("Token missing");
  if (list) return secrets(world, url.searchParams, list, identity);
  if (!project) return json({ identityDetails: { organization: ORGANIZATION } });
  const found = memberProject(world, decodeURIComponent(project[2] ?? ""), identity);
  return json(project[1] ? described(found) : { project: described(found) });
}

interface ListRoute {
  readonly project: readonly string[];
  readonly importsName: string;
  /** Of expandSecretReferences and of the imports. */
  readonly on: boolean;
  readonly relative: boolean;
}

function listRoute(world: World, pathname: string): ListRoute | undefined {
  if (pathname === "/api/v3/secrets/raw") {
    return { project: ["workspaceId", "workspaceSlug"], importsName: "include_imports", on: false, relative: false };
  }
  if (pathname !== "/api/v4/secrets" || world.v4 === "none") return undefined;
  if (world.v4 === "early") {
    return { project: ["projectId"], importsName: "include_imports", on: false, relative: true };
  }
  return { project: ["projectId"], importsName: "includeImports", on: true, relative: true };
}

function secrets(world: World, query: URLSearchParams, list: ListRoute, identity: Identity): Answer {
  const on = (name: string, byDefault: boolean): boolean => {
    const given = query.get(name);
    if (given !== null && given !== "true" && given !== "false") throw notBoolean(name, given);
    return given === null ? byDefault : given === "true";
  };
  const wanted: ListQuery = {
    environment: query.get("environment") ?? "",
    secretPath: query.get("secretPath") ?? "/",
    show: on("viewSecretValue", true),
    expand: on("expandSecretReferences", list.on),
    recursive: on("recursive", false),
    imports: on(list.importsName, list.on),
    relative: list.relative,
  };
  const name = list.project.map((parameter) => query.get(parameter)).find((value) => value !== null);
  if (name === undefined || name === null || wanted.environment === "") {
    throw new Refusal(400, "BadRequest", "Missing project id or environment");
  }
  const project = memberProject(world, name, identity);
  if (world.roles.get(identity.id) === "no-access") {
    throw new Refusal(403, "PermissionDenied", "You are not allowed to describeSecret on secrets", { details: [] });
  }
  const answer = json(listSecrets(project, wanted));
  const hash = createHash("sha256").update(answer.body).digest("base64url");
  return { ...answer, headers: { etag: `"${hash}"` } };
}

function memberProject(world: World, idOrSlug: string, identity: Identity): Project {
  const project = [...world.projects.values()].find((one) => one.id === idOrSlug || one.slug === idOrSlug);
  if (!project) {
    throw notFound(
      `Project with ID '${idOrSlug}' not found during bot lookup. Are you sure you are using the correct project ID?`,
    );
  }
  if ((world.roles.get(identity.id) ?? "none") === "none") {
    throw new Refusal(
      403,
      "ProjectMembershipNotFound",
      `You are not a member of this project with ID ${project.id}. Please assign this identity to the project with the appropriate permissions, then try again.`,
    );
  }
  return project;
}

function described(project: Project): object {
  return {
    id: project.id,
    name: project.slug,
    description: "",
    type: "secret-manager",
    slug: project.slug,
    orgId: ORGANIZATION.id,
    version: 3,
    ...PROJECT_SETTINGS,
    _id: project.id,
    environments: [...project.environments.keys()].map((slug) => ({ name: slug, slug, id: `${project.id}:${slug}` })),
    deletedEnvironments: [],
  };
}

function status(): object {
  return {
    date: new Date().toISOString(),
    message: "Ok",
    emailConfigured: false,
    inviteOnlySignup: true,
    redisConfigured: true,
    secretScanningConfigured: false,
    auditLogStorageDisabled: false,
    maxIdentityAccessTokenTTL: 7_776_000,
  };
}

function json(body: object): Answer {
  return { status: 200, headers: {}, body: JSON.stringify(body) };
}
