import { SecretValue } from "../../core/secretValue.ts";
import type { JsonObject } from "../../core/json.ts";
import { HelmwardenError } from "../../errors.ts";
import type { CredentialOwner, StoreCredentials } from "../../ports.ts";
import { type HttpClient, jsonOf } from "../http.ts";
import type { HttpResponse } from "../httpExchange.ts";
import { createAuthClient } from "./authClient.ts";
import { statusError } from "./faults.ts";
import { createKvClient, type KvClient } from "./kvClient.ts";
import type { VaultOptions } from "./options.ts";
import { encodePath } from "./paths.ts";
import { NewSecretId, RoleId } from "./schema.ts";
import type { Session } from "./session.ts";

/** SecretIDs of AppRoles, in the namespace that we log in to. See Store.credentialsOf. */
export function createSecretIds(
  options: VaultOptions,
  subject: string,
  http: HttpClient,
  session: Session,
): (owner: CredentialOwner) => StoreCredentials {
  const namespace = options.authNamespace ?? options.namespace;
  const client = createKvClient({ ...options, namespace }, subject, http, session);

  return (owner) => {
    if (owner.kind !== "appRole")
      throw new HelmwardenError(
        "ConfigInvalid",
        `${subject} has no identities of Infisical. Correct the RotationPolicy.`,
      );
    const { role, mount } = owner;
    const { shown, post, roleId } = roleCalls(client, subject, role, mount);

    return {
      async create(rotation, signal) {
        // Vault makes one for a role that is gone only to fail with words of its own.
        await roleId(signal);
        const metadata = JSON.stringify({ helmwarden_rotation: rotation });
        const response = await post("secret-id", { metadata }, false, signal);
        const made = NewSecretId.safeParse(jsonOf(response));
        if (!made.success) throw refused(subject, `${shown}/secret-id`, response);
        const { secret_id, secret_id_accessor } = made.data.data;
        return { value: SecretValue.fromText(secret_id), id: secret_id_accessor };
      },
      async test(value, signal) {
        const id = SecretValue.fromText(await roleId(signal));
        const auth = { appRole: { mount, roleId: () => Promise.resolve(id), secretId: () => Promise.resolve(value) } };
        const own = createAuthClient({ auth, namespace }, subject, http);
        try {
          const { token } = await own.login(signal);
          // It ends by itself anyway.
          await own.revoke(token, signal).catch(() => undefined);
          return "accepted";
        } catch (caught) {
          if (caught instanceof HelmwardenError && caught.code === "StoreDenied") return "refused";
          throw caught;
        }
      },
      async revoke(value, _id, signal) {
        // By its accessor Vault fails with 500 where it has gone already.
        const response = await post("secret-id/destroy", { secret_id: value.reveal() }, true, signal);
        if (response.status >= 300) throw refused(subject, `${shown}/secret-id/destroy`, response);
      },
      async describe(signal) {
        await roleId(signal);
        return `${subject} has the AppRole ${role}`;
      },
    };
  };
}

function roleCalls(client: KvClient, subject: string, role: string, mount: string) {
  const shown = `auth/${mount}/role/${role}`;
  const base = `auth/${encodePath(mount)}/role/${encodePath(role)}`;

  async function post(below: string, json: JsonObject, repeatable: boolean, signal: AbortSignal) {
    const request = { method: "POST", path: `${base}/${below}`, shown: `${shown}/${below}`, json, repeatable } as const;
    return await client.change(request, signal);
  }

  async function roleId(signal: AbortSignal): Promise<string> {
    const response = await client.get(`${base}/role-id`, `${shown}/role-id`, signal);
    const found = RoleId.safeParse(jsonOf(response));
    if (response.status === 200 && found.success) return found.data.data.role_id;
    if (response.status === 404) throw noRole(subject, shown);
    throw statusError(subject, response, `reading ${shown}/role-id`);
  }

  return { shown, post, roleId };
}

function noRole(subject: string, shown: string): HelmwardenError {
  return new HelmwardenError("StoreInvalid", `${subject} has no AppRole at ${shown}. Correct the RotationPolicy.`);
}

function refused(subject: string, shown: string, { status }: HttpResponse): HelmwardenError {
  return new HelmwardenError(
    "StoreInvalid",
    `${subject} does not do what is asked of ${shown} (status ${status}). See its own log.`,
    { status },
  );
}
