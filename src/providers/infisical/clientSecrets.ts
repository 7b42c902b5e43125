import type { JsonObject } from "../../core/json.ts";
import { SecretValue } from "../../core/secretValue.ts";
import { HelmwardenError } from "../../errors.ts";
import type { CredentialOwner, StoreCredentials } from "../../ports.ts";
import { type HttpClient, jsonOf } from "../http.ts";
import type { HttpResponse } from "../httpExchange.ts";
import { answerOf, loginError, requestError, shapeError } from "./faults.ts";
import { ClientSecrets, Grant, LockedOut, NewClientSecret, UniversalAuth } from "./schema.ts";
import type { WithToken } from "./sender.ts";

const LOGIN = "/api/v1/auth/universal-auth/login";
const REVOKE = "/api/v1/auth/token/revoke";

/** Client secrets of machine identities. See Store.credentialsOf. */
export function createClientSecrets(
  subject: string,
  http: HttpClient,
  withToken: WithToken,
): (owner: CredentialOwner) => StoreCredentials {
  const ask: Ask = async (method, path, json, signal) => {
    const response = await withToken((headers) => http.send({ method, path, headers, json }, signal), signal);
    if (response.status === 403 && answerOf(response).refusal === "PermissionDenied") throw denied(subject);
    return response;
  };

  return (owner) => {
    if (owner.kind !== "identity")
      throw new HelmwardenError("ConfigInvalid", `${subject} has no AppRoles. Correct the RotationPolicy.`);
    const identity = `/api/v1/auth/universal-auth/identities/${encodeURIComponent(owner.identityId)}`;

    const { clientId, test, idOf } = identityCalls(ask, subject, http, identity);

    return {
      async create(rotation, signal) {
        const json = { description: `helmwarden ${rotation}`, ttl: 0, numUsesLimit: 0 };
        const response = await ask("POST", `${identity}/client-secrets`, json, signal);
        if (response.status !== 200) throw identityError(subject, response);
        const made = NewClientSecret.safeParse(jsonOf(response));
        if (!made.success) throw shapeError(subject);
        return { value: SecretValue.fromText(made.data.clientSecret), id: made.data.clientSecretData.id };
      },
      test,
      async revoke(value, id, signal) {
        const known = id ?? (await idOf(value, signal));
        if (known === undefined) return;
        const path = `${identity}/client-secrets/${encodeURIComponent(known)}/revoke`;
        const response = await ask("POST", path, {}, signal);
        const answer = answerOf(response);
        const isGone = answer.status === 404 && answer.refusal !== undefined && !answer.noRoute;
        if (response.status !== 200 && !isGone) throw identityError(subject, response);
      },
      async describe(signal) {
        await clientId(signal);
        return `${subject} has the identity, with universal auth`;
      },
    };
  };
}

type Ask = (
  method: "GET" | "POST",
  path: string,
  json: JsonObject | undefined,
  signal: AbortSignal,
) => Promise<HttpResponse>;

function identityCalls(ask: Ask, subject: string, http: HttpClient, identity: string) {
  async function clientId(signal: AbortSignal): Promise<string> {
    const response = await ask("GET", identity, undefined, signal);
    if (response.status !== 200) throw identityError(subject, response);
    const found = UniversalAuth.safeParse(jsonOf(response));
    if (!found.success) throw shapeError(subject);
    return found.data.identityUniversalAuth.clientId;
  }

  async function test(value: SecretValue, signal: AbortSignal): Promise<"accepted" | "refused"> {
    const json = { clientId: await clientId(signal), clientSecret: value.reveal() };
    // No bearer, as an expired one spoils any login.
    const response = await http.send({ method: "POST", path: LOGIN, json, repeatable: true }, signal);
    if (LockedOut.safeParse(jsonOf(response)).success) throw lockedOut(subject);
    if (response.status === 401) return "refused";
    if (response.status !== 200) throw loginError(subject, answerOf(response));
    const grant = Grant.safeParse(jsonOf(response));
    if (!grant.success) throw shapeError(subject);
    const accessToken = grant.data.token.reveal();
    // It ends by itself anyway.
    await http.send({ method: "POST", path: REVOKE, json: { accessToken } }, signal).catch(() => undefined);
    return "accepted";
  }

  /** Infisical tells the first four characters. One that still logs in is among those that begin like it. */
  async function idOf(value: SecretValue, signal: AbortSignal): Promise<string | undefined> {
    if ((await test(value, signal)) === "refused") return undefined;
    const response = await ask("GET", `${identity}/client-secrets`, undefined, signal);
    if (response.status !== 200) throw identityError(subject, response);
    const found = ClientSecrets.safeParse(jsonOf(response));
    if (!found.success) throw shapeError(subject);
    const alike = found.data.clientSecretData.filter((one) => value.reveal().startsWith(one.clientSecretPrefix));
    if (alike.length === 1) return alike[0]?.id;
    throw new HelmwardenError(
      "StoreInvalid",
      `${subject} does not tell which of its client secrets the old one is. Revoke it by hand: the rotation goes on then.`,
    );
  }

  return { clientId, test, idOf };
}

function identityError(subject: string, response: HttpResponse): HelmwardenError {
  const answer = answerOf(response);
  const isUnknown = answer.status === 404 || (answer.status === 400 && answer.refusal !== undefined);
  if (!isUnknown || answer.noRoute) return requestError(subject, answer);
  return new HelmwardenError(
    "StoreInvalid",
    `${subject} has no such identity with universal auth. Correct identityId in the RotationPolicy.`,
  );
}

function denied(subject: string): HelmwardenError {
  return new HelmwardenError(
    "StoreDenied",
    `${subject} does not let us make and revoke client secrets of the identity. Give our own identity an organization role that manages machine identities and their tokens.`,
  );
}

function lockedOut(subject: string): HelmwardenError {
  return new HelmwardenError(
    "StoreThrottled",
    `${subject} has locked the identity for five minutes, after three wrong logins. What was asked is tried again.`,
    { retryAfterMs: 300_000 },
  );
}
