import { createHmac, randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import { missingFields, notFound, Refusal, tokenError, unauthorized } from "./infisicalRefusal.ts";

export type AuthMethod =
  | "universal"
  | "kubernetes"
  | "oidc"
  | "jwt"
  | "spiffe"
  | "gcp"
  | "azure"
  | "aws"
  | "ldap"
  | "token";

export interface Identity {
  readonly id: string;
  readonly method: AuthMethod;
  /** What a login has to show: clientSecret, jwt, password or AWS access key id. */
  readonly proof: string;
  /** clientId of universal auth, user name of LDAP. */
  readonly account: string;
  /** Seconds, as in Infisical. */
  readonly ttl: number;
  readonly maxTtl: number;
  readonly usesLimit: number;
}

/** The first one of an identity is its `proof`. */
export interface ClientSecret {
  readonly id: string;
  readonly secret: string;
  readonly description: string;
  readonly createdAt: string;
  revoked: boolean;
}

export interface LoginAnswer {
  readonly accessToken: string;
  readonly expiresIn: number;
  readonly accessTokenMaxTTL: number;
  readonly tokenType: "Bearer";
}

interface Claims {
  readonly identityId: string;
  readonly jti: string;
  readonly creationEpoch: number;
  readonly exp: number;
}

const LOCKOUT = { failures: 3, withinMs: 30_000, forMs: 300_000 };
const TITLES: Readonly<Record<string, string>> = {
  kubernetes: "Kubernetes auth method not found for identity, did you configure Kubernetes auth?",
  oidc: "OIDC auth method not found for identity, did you configure OIDC auth?",
  jwt: "JWT auth method not found for identity, did you configure JWT auth?",
  spiffe: "SPIFFE auth method not found for identity, did you configure SPIFFE auth?",
  gcp: "GCP auth method not found for identity, did you configure GCP auth?",
  azure: "Azure auth method not found for identity, did you configure Azure Auth?",
  aws: "AWS auth method not found for identity, did you configure AWS auth?",
};

/** Logins and tokens of the test server: HS256 tokens with Infisical's limits on time, renewal and use. */
export class Tokens {
  readonly #identities = new Map<string, Identity>();
  readonly #uses = new Map<string, number>();
  readonly #revoked = new Set<string>();
  readonly #clientSecrets = new Map<string, ClientSecret[]>();
  readonly #failures = new Map<string, number[]>();
  readonly #key = randomBytes(32);
  readonly #now: () => number;
  #refusing = false;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(identity: Identity): void {
    this.#identities.set(identity.id, identity);
  }

  identity(id: string): Identity | undefined {
    return this.#identities.get(id);
  }

  /** Of universal auth, oldest first; the list itself, to be added to. */
  clientSecrets({ id, proof }: Identity): ClientSecret[] {
    const createdAt = new Date(this.#now()).toISOString();
    const first = { id: randomUUID(), secret: proof, description: "", createdAt, revoked: false };
    const secrets = this.#clientSecrets.get(id) ?? [first];
    this.#clientSecrets.set(id, secrets);
    return secrets;
  }

  /** Of one method; `body` is the request as it came. */
  login(method: AuthMethod, body: Readonly<Record<string, unknown>>): LoginAnswer {
    const identity = method === "universal" ? this.#universal(body) : this.#other(method, body);
    return this.issue(identity, { jti: randomUUID(), creationEpoch: this.#seconds() });
  }

  issue(identity: Identity, of: { readonly jti: string; readonly creationEpoch: number }): LoginAnswer {
    const now = this.#seconds();
    const exp = Math.min(now + identity.ttl, of.creationEpoch + identity.maxTtl);
    if (exp <= now) throw unauthorized("Failed to renew MI access token due to Max TTL expiration");
    const claims = { identityId: identity.id, authTokenType: "identityAccessToken", ...of };
    const accessToken = this.#sign({ ...claims, accessTokenTTL: identity.ttl, iat: now, exp });
    return {
      accessToken,
      expiresIn: Math.round(exp - now),
      accessTokenMaxTTL: identity.maxTtl,
      tokenType: "Bearer",
    };
  }

  renew(token: string): LoginAnswer {
    const claims = this.#verified(token);
    return this.issue(this.#identityOf(claims), claims);
  }

  /** Every token of the same login goes with it. */
  revoke(token: string): void {
    this.#revoked.add(this.#verified(token).jti);
  }

  revokeAll(): void {
    for (const jti of this.#uses.keys()) this.#revoked.add(jti);
  }

  refuseAll(): void {
    this.#refusing = true;
  }

  /** Whose token it is; refuses as Infisical does. Each call is one use. */
  authenticate(token: string): Identity {
    const claims = this.#verified(token);
    const identity = this.#identityOf(claims);
    const uses = (this.#uses.get(claims.jti) ?? 0) + 1;
    if (identity.usesLimit > 0 && uses > identity.usesLimit) {
      throw unauthorized("Failed to authorize: token usage limit reached");
    }
    this.#uses.set(claims.jti, uses);
    return identity;
  }

  #universal(body: Readonly<Record<string, unknown>>): Identity {
    const [clientId = "", secret = ""] = required(body, ["clientId", "clientSecret"]);
    const identity = [...this.#identities.values()].find(
      (one) => one.method === "universal" && one.account === clientId,
    );
    if (!identity) throw unauthorized("Invalid credentials");
    const failures = this.#failures.get(clientId) ?? [];
    const last = failures.at(-1) ?? 0;
    if (failures.length >= LOCKOUT.failures && this.#now() - last < LOCKOUT.forMs) {
      throw unauthorized("This identity auth method is temporarily locked, please try again later");
    }
    if (!this.clientSecrets(identity).some((one) => !one.revoked && one.secret === secret)) {
      const recent = failures.filter((at) => this.#now() - at < LOCKOUT.withinMs);
      this.#failures.set(clientId, [...recent, this.#now()]);
      throw unauthorized("Invalid credentials");
    }
    this.#failures.delete(clientId);
    return identity;
  }

  #other(method: AuthMethod, body: Readonly<Record<string, unknown>>): Identity {
    const [id = "", ...shown] = required(body, ["identityId", ...(PROOFS[method] ?? ["jwt"])]);
    const identity = this.#identities.get(id);
    if (identity?.method !== method) {
      throw notFound(TITLES[method] ?? `Identity with ID '${id}' not found`);
    }
    if (method === "aws" ? !signedBy(identity.proof, shown) : shown.at(-1) !== identity.proof) {
      if (method === "aws") throw new Refusal(403, "ForbiddenError", "Access denied: principal not allowed");
      throw unauthorized("Access denied: token audience not allowed");
    }
    return identity;
  }

  #verified(token: string): Claims {
    const [header = "", payload = "", signature] = token.split(".");
    if (signature === undefined || !payload.startsWith("eyJ")) {
      throw tokenError(
        "The provided access token is malformed. Please use a valid token or generate a new one and try again.",
      );
    }
    const wanted = this.#signature(`${header}.${payload}`);
    const given = Buffer.from(signature, "base64url");
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) throw tokenError("invalid signature");
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as Claims;
    if (claims.exp <= this.#seconds()) throw tokenError("Your token has expired. Please re-authenticate.");
    if (this.#refusing || this.#revoked.has(claims.jti))
      throw unauthorized("Failed to authorize: token has been revoked");
    if (!this.#uses.has(claims.jti)) this.#uses.set(claims.jti, 0);
    return claims;
  }

  #identityOf(claims: Claims): Identity {
    const identity = this.#identities.get(claims.identityId);
    if (!identity) throw unauthorized("Failed to authorize: identity not found");
    return identity;
  }

  #sign(claims: object): string {
    const [head, payload] = [{ alg: "HS256", typ: "JWT" }, claims].map((part) => Buffer.from(JSON.stringify(part)));
    const text = `${head?.toString("base64url")}.${payload?.toString("base64url")}`;
    return `${text}.${this.#signature(text).toString("base64url")}`;
  }

  #signature(text: string): Buffer {
    return createHmac("sha256", this.#key).update(text).digest();
  }

  #seconds(): number {
    return this.#now() / 1000;
  }
}

const PROOFS: Readonly<Record<string, readonly string[]>> = {
  aws: ["iamHttpRequestMethod", "iamRequestBody", "iamRequestHeaders"],
  ldap: ["username", "password"],
};

function required(body: Readonly<Record<string, unknown>>, names: readonly string[]): string[] {
  const missing = names.filter((name) => typeof body[name] !== "string");
  if (missing.length > 0) throw missingFields(missing);
  return names.map((name) => String(body[name]));
}

/** Is it a signed sts GetCallerIdentity of this access key? The signature itself only AWS can check. */
function signedBy(accessKeyId: string, [method, body = "", headers = ""]: readonly string[]): boolean {
  const signed = JSON.parse(Buffer.from(headers, "base64").toString()) as Record<string, string>;
  return (
    method === "POST" &&
    Buffer.from(body, "base64").toString() === "Action=GetCallerIdentity&Version=2011-06-15" &&
    signed["Authorization"]?.startsWith(`AWS4-HMAC-SHA256 Credential=${accessKeyId}/`) === true
  );
}
