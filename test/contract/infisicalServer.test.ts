// Holds the Infisical test server to recordings of a real one: same status, same body shape, same refusals.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { canary } from "../support/canary.ts";
import type { InfisicalServer, InfisicalServerOptions } from "../support/infisicalServer.ts";
import { startInfisical } from "../support/infisicalServer.ts";
import type { AuthMethod, Identity } from "../support/infisicalTokens.ts";

interface Recording {
  readonly request: { method: string; path: string; headers: Record<string, string>; body?: Record<string, unknown> };
  readonly response: { status: number; headers: Record<string, string>; body: unknown };
}

/** What a recording has masked, or what the recorded server knew and this one must make up. */
interface Fill {
  readonly token?: string;
  readonly body?: Record<string, unknown>;
  readonly ifNoneMatch?: string;
}

const DEMO = { projectId: "ff075a27-8db8-455a-9b00-8b70edbb8a57", projectSlug: "warden-demo-mwtb580b-x-qrg" };
const IMPORTS = { projectId: "caddeff7-2e76-46bf-9f42-052565299b96", projectSlug: "z" };
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
/** Compared by value; of everything else the type counts. */
const EXACT = new Set(["secretKey", "secretValue", "secretPath", "secretValueHidden", "environment", "error"]);
const OPEN_LISTS = new Set(["tags", "secretMetadata"]);

let server: InfisicalServer;
let clock = Date.UTC(2026, 10, 23);
afterEach(() => server.close());

async function start(options: InfisicalServerOptions): Promise<InfisicalServer> {
  server = await startInfisical({ now: () => clock, ...options });
  return server;
}

function recording(name: string): Recording {
  return JSON.parse(readFileSync(`test/fixtures/recorded/infisical/${name}.json`, "utf8")) as Recording;
}

async function replay(name: string, fill: Fill = {}): Promise<{ status: number; headers: Headers; body: unknown }> {
  const { request } = recording(name);
  const headers: Record<string, string> = {};
  if (request.headers["authorization"]) headers["authorization"] = `Bearer ${fill.token ?? memberToken()}`;
  if (fill.ifNoneMatch) headers["if-none-match"] = fill.ifNoneMatch;
  const hasBody = request.method !== "GET";
  if (hasBody) headers["content-type"] = "application/json";
  const body = hasBody ? JSON.stringify({ ...request.body, ...fill.body }) : null;
  const response = await fetch(server.url + request.path, { method: request.method, headers, body });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? "" : JSON.parse(text) };
}

async function expectAsRecorded(name: string, fill: Fill = {}): Promise<void> {
  const { response } = recording(name);
  const played = await replay(name, fill);
  expect({ status: played.status, body: shape(played.body) }).toEqual({
    status: response.status,
    body: shape(response.body),
  });
  expect(etagForm(played.headers.get("etag"))).toBe(etagForm(response.headers["etag"] ?? null));
}

/** `"43 url-safe characters"` for the lists' own hash, `"base64 of sha1"` for the rest; refusals' are not used. */
function etagForm(etag: string | null): string {
  return /^"[\w-]{43}"$/.test(etag ?? "") ? "content hash" : "other";
}

function shape(value: unknown, key = ""): unknown {
  if (EXACT.has(key)) return value;
  if (key === "message" && typeof value === "string") return value.replace(UUID, "<uuid>");
  // A batch answers in the order of its database.
  if (Array.isArray(value) && key === "secrets" && !("secretPath" in (value[0] ?? {})))
    return value.map((item) => shape(item)).toSorted((left, right) => order(left, right));
  if (Array.isArray(value)) return OPEN_LISTS.has(key) ? "list" : value.map((item) => shape(item));
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, shape(part, name)]));
}

function order(left: unknown, right: unknown): number {
  return JSON.stringify(left) < JSON.stringify(right) ? -1 : 1;
}

function limits(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => /^x-ratelimit|^retry-after/.test(name)));
}

let member: Identity;
function memberToken(): string {
  return server.issueToken(member).accessToken;
}

async function startDemo(): Promise<void> {
  await start(DEMO);
  member = server.addIdentity("token", canary("unused"));
  const put = (path: string, key: string, value: string): void => server.putSecret(path, key, value, "dev");
  put("/", "API_URL", "https://user:${DB_PASSWORD}@api.dev");
  put("/", "B1", "one-d");
  put("/", "B2", "two");
  put("/", "B3_RENAMED", "three-b");
  put("/", "C1", "2");
  put("/", "DB_PASSWORD", "  s3cret value\twith space  ");
  put("/", "EMPTY", "");
  put("/", "PEM", "-----BEGIN-----\nabc\n-----END-----\n");
  put("/", "UPS", "new");
  put("/", "lower.case-näme", "ünïcödé ✓ 🎉");
  put("/app", "PORT", "5432");
  put("/app/db", "DSN", "pg://${dev.DB_PASSWORD}@h:5432/x");
  put("/shared", "B2", "shared-b2");
  put("/shared", "SHARED_ONE", "shared-2");
  server.addImport("/", "/shared", "dev", "dev");
}

describe("reading", () => {
  test.each([
    "001-status",
    "003-identity-details",
    "005-project-get",
    "006-project-get-by-slug",
    "068-secrets-list-v4-after-import-source-change",
    "069-secrets-list-v4-recursive",
    "071-secrets-list-v4-noexpand",
    "072-secrets-list-v4-hidden",
    "075-secrets-list-v4-unknown-env",
    "076-secrets-list-v4-unknown-path",
    "077-secrets-list-v4-unknown-project",
    "079-secrets-list-v4-missing-env",
    "080-secrets-list-v4-bad-bool",
    "081-secrets-list-v4-trailing-slash",
    "082-secrets-list-v4-no-leading-slash",
    "083-secrets-list-v3-raw",
    "085-secrets-list-v3-raw-all",
    "086-secrets-list-v3-raw-slug",
    "102-auth-401-no-token",
    "115-not-found-route",
  ])("%s", async (name) => {
    await startDemo();
    await expectAsRecorded(name);
  });

  test("an empty project", async () => {
    await start(DEMO);
    member = server.addIdentity("token", canary("unused"));
    await expectAsRecorded("019-secrets-list-empty");
  });

  test("If-None-Match: equal and weak give 304, a star does not", async () => {
    await startDemo();
    const etag = (await replay("061-secrets-list-v4-304")).headers.get("etag") ?? "";
    await expectAsRecorded("061-secrets-list-v4-304", { ifNoneMatch: etag });
    await expectAsRecorded("062-secrets-list-v4-304-weak", { ifNoneMatch: `W/${etag}` });
    expect(await replay("063-secrets-list-v4-304-star", { ifNoneMatch: "*" })).toMatchObject({ status: 200 });
  });

  test("no membership and no permission are two refusals", async () => {
    await startDemo();
    server.setRole(member.id, "none");
    await expectAsRecorded("017-secrets-list-403-not-member");
    server.setRole(member.id, "no-access");
    await expectAsRecorded("238-noaccess-list-403");
  });

  test("references: missing ones are empty, cycles stop, other dollars stay", async () => {
    await startDemo();
    const put = (key: string, value: string): void => server.putSecret("/", key, value, "dev");
    for (const gone of ["C1", "EMPTY", "UPS"]) server.removeSecret("/", gone, "dev");
    put("REF_MISSING", "${NOPE}");
    put("REF_ENV_MISSING", "${nope.X}");
    put("REF_A", "a-${REF_B}");
    put("REF_B", "b-${REF_A}");
    put("REF_SELF", "${REF_SELF}");
    put("REF_CROSS", "${staging.STG}");
    put("REF_DOLLAR", "cost $5 and ${ and $(x) ${}");
    server.putSecret("/", "STG", "stg", "staging");
    await expectAsRecorded("259-ref-list");
  });

  test("imports: in position order, nested ones flattened; v3 does not look references up in them", async () => {
    await start(IMPORTS);
    member = server.addIdentity("token", canary("unused"));
    const put = (path: string, key: string, value: string): void => server.putSecret(path, key, value, "dev");
    put("/impA", "K", "from-A");
    put("/impB", "K", "from-B");
    put("/impA", "ONLY_A", "a");
    put("/impC", "NESTED", "c");
    put("/impC", "K", "from-C");
    put("/", "LOCAL", "uses ${K} and ${ONLY_A} and ${NESTED}");
    server.addImport("/", "/impA", "dev", "dev");
    server.addImport("/", "/impB", "dev", "dev");
    server.addImport("/impA", "/impC", "dev", "dev");
    await expectAsRecorded("414-z-list");
    await expectAsRecorded("415-z-list-v3");
  });

  test("the rate limit's headers and its 429", async () => {
    await start({ ...DEMO, rateLimit: 2 });
    const text = readFileSync("test/fixtures/recorded/infisical/simulated-rate-limit.json", "utf8");
    const { out } = JSON.parse(text) as { out: Recording["response"][] };
    const played = [await replay("001-status"), await replay("001-status"), await replay("001-status")];
    expect(played.map(({ status }) => status)).toEqual(out.map(({ status }) => status));
    expect(played.map(({ headers }) => limits(Object.fromEntries(headers)))).toEqual(
      out.map(({ headers }) => limits(headers)),
    );
    expect(shape(played[2]!.body)).toEqual(shape(out[2]!.body));
  });
});

describe("writing", () => {
  test("batches: made, changed and deleted whole, by v4 and v3", async () => {
    await start(DEMO);
    member = server.addIdentity("token", canary("unused"));
    await expectAsRecorded("033-secret-batch-create-v4");
    await expectAsRecorded("034-secret-batch-create-v4-dup");
    await expectAsRecorded("035-secret-batch-create-v3");
    await expectAsRecorded("036-secret-batch-update-v4");
    await expectAsRecorded("037-secret-batch-update-v4-notfound");
    await expectAsRecorded("091-secret-get-v4-B1-version1");
    await expectAsRecorded("093-secret-get-v4-404");
    server.putSecret("/", "EMPTY", "", "dev");
    await expectAsRecorded("101-secret-batch-delete-v4");
  });

  test("a client secret, which logs in until it is revoked", async () => {
    await start(DEMO);
    member = server.addIdentity("token", canary("unused"));
    const id = recording("015-universal-auth-client-secret").request.path.split("/").at(-2)!;
    const { account: clientId } = server.addIdentity("universal", canary("first"), { id });
    await expectAsRecorded("015-universal-auth-client-secret");
    const made = (await replay("015-universal-auth-client-secret")).body as {
      clientSecret: string;
      clientSecretData: { id: string };
    };
    const login = { body: { clientId, clientSecret: made.clientSecret } };
    await expectAsRecorded("016-universal-auth-login", login);
    const path = `${recording("015-universal-auth-client-secret").request.path}/${made.clientSecretData.id}/revoke`;
    const headers = { authorization: `Bearer ${memberToken()}` };
    expect((await fetch(server.url + path, { method: "POST", headers })).status).toBe(200);
    await expectAsRecorded("105-auth-login-bad-secret", login);
  });
});

describe("logging in", () => {
  test("universal auth, renewal and revocation of the whole login", async () => {
    await startDemo();
    const secret = canary("client-secret");
    const { account: clientId } = server.addIdentity("universal", secret);
    const right = { clientId, clientSecret: secret };
    await expectAsRecorded("016-universal-auth-login", { body: right });
    await expectAsRecorded("105-auth-login-bad-secret", { body: { clientId } });
    await expectAsRecorded("107-auth-login-nonuuid-clientid");
    await expectAsRecorded("108-auth-login-missing");
    const { accessToken } = (await replay("016-universal-auth-login", { body: right })).body as { accessToken: string };
    await expectAsRecorded("109-auth-renew", { body: { accessToken } });
    await expectAsRecorded("111-auth-renew-garbage");
    await expectAsRecorded("112-auth-revoke", { body: { accessToken } });
    await expectAsRecorded("113-auth-revoked-token", { token: accessToken });
  });

  test("three wrong secrets lock the right one out as well, for five minutes", async () => {
    await startDemo();
    const secret = canary("client-secret");
    const { account: clientId } = server.addIdentity("universal", secret);
    for (let count = 0; count < 3; count += 1) await replay("105-auth-login-bad-secret", { body: { clientId } });
    await expectAsRecorded("224-lockout-right-secret", { body: { clientId, clientSecret: secret } });
    clock += 301_000;
    await expectAsRecorded("016-universal-auth-login", { body: { clientId, clientSecret: secret } });
  });

  test.each([
    "501-auth-unknown-identity-kubernetes-auth",
    "506-auth-unknown-identity-aws-auth",
    "507-auth-unknown-identity-ldap-auth",
  ])("%s", async (name) => {
    await startDemo();
    await expectAsRecorded(name);
  });

  test("a JWT login, and one for the wrong audience", async () => {
    await startDemo();
    const jwt = canary("jwt");
    const id = String(recording("510-jwt-auth-login").request.body?.["identityId"]);
    server.addIdentity("jwt" satisfies AuthMethod, jwt, { id });
    await expectAsRecorded("510-jwt-auth-login", { body: { jwt } });
    await expectAsRecorded("512-jwt-auth-login-wrong-aud");
  });

  test("a token-auth token can be renewed", async () => {
    await startDemo();
    await expectAsRecorded("518-token-auth-renew", { body: { accessToken: memberToken() } });
  });
});

describe("tokens", () => {
  test("malformed, tampered and expired ones are 403 on every route, logins and status included", async () => {
    await startDemo();
    const short = server.addIdentity("token", canary("unused"), { ttl: 2, maxTtl: 5 });
    const { accessToken } = server.issueToken(short);
    await expectAsRecorded("103-auth-bad-token", { token: "garbage" });
    await expectAsRecorded("313-y-status-with-garbage-authorization", { token: "garbage" });
    const flipped = accessToken.at(-10) === "A" ? "B" : "A";
    const tampered = accessToken.slice(0, -10) + flipped + accessToken.slice(-9);
    await expectAsRecorded("104-auth-tampered-token", { token: tampered });
    clock += 3000;
    await expectAsRecorded("207-expired-token-list", { token: accessToken });
    await expectAsRecorded("311-y-login-with-expired-authorization-header", { token: accessToken });
    await expectAsRecorded("310-y-renew-5", { body: { accessToken } });
  });

  test("renewal cannot outlive the maximum, and what is left shrinks", async () => {
    await startDemo();
    const short = server.addIdentity("token", canary("unused"), { ttl: 3, maxTtl: 7 });
    let token = server.issueToken(short).accessToken;
    const lives: unknown[] = [];
    for (let count = 0; count < 4; count += 1) {
      clock += 1500;
      const { body } = await replay("308-y-renew-3", { body: { accessToken: token } });
      const renewed = body as { accessToken: string; expiresIn: number };
      token = renewed.accessToken;
      lives.push(renewed.expiresIn);
    }
    expect(lives).toEqual([3, 3, 3, 1]);
    clock += 1500;
    await expectAsRecorded("310-y-renew-5", { body: { accessToken: token } });
  });

  test("a token with a use limit", async () => {
    await startDemo();
    const limited = server.addIdentity("token", canary("unused"), { usesLimit: 2 });
    const token = server.issueToken(limited).accessToken;
    await replay("019-secrets-list-empty", { token });
    await replay("019-secrets-list-empty", { token });
    await expectAsRecorded("219-numuses-use-3", { token });
  });
});

test("as a program it tells its address, takes admin calls, and serves them", async () => {
  await start(DEMO);
  const child = spawn(process.execPath, ["test/support/infisicalServer.ts", "--port", "0"]);
  try {
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const { url, projectId, clientId, clientSecret } = JSON.parse(line.toString()) as Record<string, string>;
    const post = async (path: string, body: unknown): Promise<unknown> => {
      const headers = { "content-type": "application/json" };
      return (await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) })).json();
    };
    const value = canary("value");
    await post("/__admin/putSecret", ["/app", "KEY", value]);
    const login = await post("/api/v1/auth/universal-auth/login", { clientId, clientSecret });
    const { accessToken } = login as { accessToken: string };
    const query = `projectId=${projectId}&environment=prod&secretPath=/app`;
    const list = await fetch(`${url}/api/v4/secrets?${query}`, { headers: { authorization: `Bearer ${accessToken}` } });
    expect(await list.json()).toMatchObject({ secrets: [{ secretKey: "KEY", secretValue: value }] });
    expect(await post("/__admin/count", ["GET /api/v4/secrets"])).toBe(1);
  } finally {
    child.kill();
  }
});
