import { SecretValue } from "../../core/secretValue.ts";
import { HelmwardenError } from "../../errors.ts";
import type { Clock } from "../../ports.ts";
import type { HttpClient } from "../http.ts";
import { jsonOf } from "../http.ts";
import { awsLogin } from "./awsLogin.ts";
import { answerOf, loginError, shapeError } from "./faults.ts";
import type { InfisicalAuth, InfisicalOptions } from "./options.ts";
import { Grant, TokenClaims } from "./schema.ts";

/** The calls that make, renew and end a token. None of them sends one as bearer: an expired one spoils any request. */
export interface TokenCalls {
  /** Reads the credentials and logs in. A 401 is StoreDenied with `status: 401`. */
  login(signal: AbortSignal): Promise<Grant>;
  /** Infisical's token of the same login with a later end, as far as its maximum allows. */
  renew(token: SecretValue, signal: AbortSignal): Promise<Grant>;
  /** Ends all tokens of this login. */
  revoke(token: SecretValue, signal: AbortSignal): Promise<void>;
  /** Tokens are made by `login`, and so are ours to end. */
  readonly makesTokens: boolean;
}

export interface LoginTarget {
  readonly subject: string;
  readonly siteUrl: string;
  readonly http: HttpClient;
  readonly clock: Clock;
  /** Milliseconds, for a login through the SDK. */
  readonly deadlineMs: number;
}

export function createTokenCalls(
  { auth, organizationSlug }: Pick<InfisicalOptions, "auth" | "organizationSlug">,
  target: LoginTarget,
): TokenCalls {
  const { subject, http } = target;
  const organization = organizationSlug === undefined ? {} : { organizationSlug };

  async function post(path: string, json: unknown, signal: AbortSignal): Promise<Grant> {
    const response = await http.send({ method: "POST", path, json, repeatable: true }, signal);
    if (response.status !== 200) throw loginError(subject, answerOf(response));
    const grant = Grant.safeParse(jsonOf(response));
    if (!grant.success) throw shapeError(subject);
    return grant.data;
  }

  return {
    makesTokens: auth.kind !== "token",
    async login(signal) {
      if (auth.kind === "token") return grantOf(await auth.token(), target);
      if (auth.kind === "aws") return grantOf(await awsLogin(auth.identityId, target, signal), target);
      return post(`/api/v1/auth/${auth.kind}-auth/login`, { ...(await loginBody(auth)), ...organization }, signal);
    },
    renew: (token, signal) => post("/api/v1/auth/token/renew", { accessToken: token.reveal() }, signal),
    async revoke(token, signal) {
      const json = { accessToken: token.reveal() };
      await http.send({ method: "POST", path: "/api/v1/auth/token/revoke", json }, signal);
    },
  };
}

async function loginBody(auth: Exclude<InfisicalAuth, { kind: "token" | "aws" }>): Promise<Record<string, string>> {
  switch (auth.kind) {
    case "universal":
      return { clientId: await textOf(auth.clientId), clientSecret: await textOf(auth.clientSecret) };
    case "ldap":
      return { identityId: auth.identityId, username: auth.username, password: await textOf(auth.password) };
    default:
      return { identityId: auth.identityId, jwt: await textOf(auth.jwt) };
  }
}

/** Files that hold credentials often end in a newline, which is no part of them. */
async function textOf(credential: () => Promise<SecretValue>): Promise<string> {
  return (await credential()).reveal().replace(/[\r\n]+$/, "");
}

/** A token whose life nobody told us: its own claims do, if it is a JWT with an end. */
function grantOf(value: SecretValue, { subject, clock }: LoginTarget): Grant {
  const token = SecretValue.fromText(value.reveal().trim());
  const claims = claimsOf(token);
  if (claims?.exp === undefined) return { token, lifeMs: Infinity };
  const lifeMs = claims.exp * 1000 - clock.now().getTime();
  if (lifeMs > 0) return { token, lifeMs };
  throw new HelmwardenError("StoreDenied", `The token for ${subject} has expired. Put a new one in its place.`);
}

function claimsOf(token: SecretValue): TokenClaims | undefined {
  const payload = token.reveal().split(".")[1] ?? "";
  try {
    return TokenClaims.safeParse(JSON.parse(Buffer.from(payload, "base64url").toString("utf8"))).data;
  } catch {
    return undefined;
  }
}
