import { SecretValue } from "../../core/secretValue.ts";
import { HelmwardenError } from "../../errors.ts";
import { jsonOf } from "../http.ts";
import type { HttpClient } from "../http.ts";
import type { HttpResponse } from "../httpExchange.ts";
import { statusError } from "./faults.ts";
import { explainUnavailable } from "./health.ts";
import { loginAdvice, loginRequest, word } from "./login.ts";
import { askByNodeVault } from "./nodeVault.ts";
import type { AuthRequest } from "./nodeVault.ts";
import type { VaultOptions } from "./options.ts";
import { Grant, TokenState } from "./schema.ts";

export interface Login {
  readonly token: SecretValue;
  /** 0: it does not end, or we were given it and do not know. */
  readonly ttlMs: number;
  readonly renewable: boolean;
  /** By this process, which then revokes it in the end. */
  readonly made: boolean;
}

export interface AuthClient {
  /** StoreDenied when Vault refuses us. */
  login(signal: AbortSignal): Promise<Login>;
  /** Undefined when Vault no longer takes the token. */
  lookup(token: SecretValue, signal: AbortSignal): Promise<TokenState | undefined>;
  /** Undefined when Vault will not renew it. */
  renew(token: SecretValue, signal: AbortSignal): Promise<TokenState | undefined>;
  revoke(token: SecretValue, signal: AbortSignal): Promise<void>;
}

/** Logs in and keeps, looks up and ends tokens. Each call throws StoreUnavailable, StoreThrottled or StoreInvalid. */
export function createAuthClient(
  options: Pick<VaultOptions, "auth" | "namespace" | "authNamespace">,
  subject: string,
  http: HttpClient,
): AuthClient {
  const namespace = options.authNamespace ?? options.namespace ?? "";
  const { auth } = options;

  async function ask(request: AuthRequest, signal: AbortSignal): Promise<HttpResponse> {
    const response = await askByNodeVault(request, namespace, (sent) => http.send(sent, signal));
    if (response.status === 503) await explainUnavailable(http, subject, signal);
    return response;
  }

  return {
    async login(signal) {
      if ("token" in auth) {
        const token = SecretValue.fromText(await word(auth.token, "token"));
        return { token, ttlMs: 0, renewable: false, made: false };
      }
      const { path, body } = await loginRequest(auth);
      const response = await ask({ path, body, token: undefined }, signal);
      if (response.status >= 400 && response.status <= 405) {
        throw new HelmwardenError(
          "StoreDenied",
          `${subject} refuses our login (status ${response.status}). ${loginAdvice(auth)}`,
        );
      }
      const grant = Grant.safeParse(jsonOf(response));
      if (response.status !== 200 || !grant.success) throw statusError(subject, response, "logging in");
      if (grant.data.token === "") {
        throw new HelmwardenError("StoreDenied", `${subject} asks for a second factor. Use a login that needs none.`);
      }
      return { ...grant.data, token: SecretValue.fromText(grant.data.token), made: true };
    },

    async lookup(token, signal) {
      const response = await ask({ path: "auth/token/lookup-self", body: undefined, token }, signal);
      if (response.status === 403) return undefined;
      const state = TokenState.safeParse(jsonOf(response));
      if (response.status === 200 && state.success) return state.data;
      throw statusError(subject, response, "looking up our token");
    },

    async renew(token, signal) {
      const response = await ask({ path: "auth/token/renew-self", body: {}, token }, signal);
      if (response.status === 403 || response.status === 400) return undefined;
      const grant = Grant.safeParse(jsonOf(response));
      if (response.status === 200 && grant.success) return grant.data;
      throw statusError(subject, response, "renewing our token");
    },

    async revoke(token, signal) {
      const response = await ask({ path: "auth/token/revoke-self", body: {}, token }, signal);
      if (response.status !== 204) throw statusError(subject, response, "revoking our token");
    },
  };
}
