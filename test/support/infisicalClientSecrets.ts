// Client secrets of a machine identity with universal auth. Recordings 014 and 015; the rest from Infisical's API reference.
import { randomBytes, randomUUID } from "node:crypto";
import { notFound, Refusal, unauthorized } from "./infisicalRefusal.ts";
import type { World } from "./infisicalServer.ts";
import type { ClientSecret, Identity } from "./infisicalTokens.ts";

const ROUTE = /^\/api\/v1\/auth\/universal-auth\/identities\/([^/]+)(?:\/(client-secrets)(?:\/([^/]+)\/revoke)?)?$/;

/** The answer's body; undefined: another route. */
export function clientSecretRoute(
  world: World,
  method: string,
  path: string,
  body: Readonly<Record<string, unknown>>,
  caller: Identity | undefined,
): object | undefined {
  const [, id = "", list, one] = ROUTE.exec(path) ?? [];
  const wanted = `${method} ${list === undefined ? "auth" : one === undefined ? "list" : "revoke"}`;
  if (id === "" || !["GET auth", "GET list", "POST list", "POST revoke"].includes(wanted)) return undefined;
  if (!caller) throw unauthorized("Token missing");
  const identity = world.tokens.identity(id);
  if (!identity) throw notFound(`Failed to find identity with ID ${id}`);
  if (identity.method !== "universal") {
    throw new Refusal(400, "BadRequest", "The identity does not have universal auth");
  }
  if (world.roles.get(caller.id) !== "admin") {
    throw new Refusal(403, "PermissionDenied", "You are not allowed to create-token on identity", { details: [] });
  }
  const secrets = world.tokens.clientSecrets(identity);
  if (wanted === "GET auth") return { identityUniversalAuth: described(identity) };
  if (wanted === "GET list") return { clientSecretData: secrets.filter(({ revoked }) => !revoked).map(shown) };
  if (wanted === "POST revoke") {
    const found = secrets.find((secret) => secret.id === one);
    if (!found) throw notFound(`Failed to find identity with ID ${id}`);
    found.revoked = true;
    return { clientSecretData: shown(found) };
  }
  const description = typeof body["description"] === "string" ? body["description"] : "";
  const secret = randomBytes(32).toString("hex");
  const at = new Date(world.now()).toISOString();
  const made: ClientSecret = { id: randomUUID(), secret, description, createdAt: at, revoked: false };
  secrets.push(made);
  return { clientSecret: secret, clientSecretData: shown(made) };
}

function shown({ id, secret, description, createdAt, revoked }: ClientSecret): object {
  return {
    id,
    createdAt,
    updatedAt: createdAt,
    description,
    clientSecretPrefix: secret.slice(0, 4),
    clientSecretNumUses: 0,
    clientSecretNumUsesLimit: 0,
    clientSecretTTL: 0,
    identityUAId: "ba2a16f1-c24f-4bc5-9e33-6825a6be67f9",
    isClientSecretRevoked: revoked,
  };
}

function described({ id, account, ttl, maxTtl, usesLimit }: Identity): object {
  const anywhere = [
    { type: "ipv4", prefix: 0, ipAddress: "0.0.0.0" },
    { type: "ipv6", prefix: 0, ipAddress: "::" },
  ];
  return {
    id: "ba2a16f1-c24f-4bc5-9e33-6825a6be67f9",
    clientId: account,
    accessTokenTTL: ttl,
    accessTokenMaxTTL: maxTtl,
    accessTokenNumUsesLimit: usesLimit,
    clientSecretTrustedIps: anywhere,
    accessTokenTrustedIps: anywhere,
    createdAt: "2026-11-23T13:34:44.184Z",
    updatedAt: "2026-11-23T13:34:44.184Z",
    identityId: id,
    accessTokenPeriod: 0,
    lockoutEnabled: true,
    lockoutThreshold: 3,
    lockoutDurationSeconds: 300,
    lockoutCounterResetSeconds: 30,
  };
}
