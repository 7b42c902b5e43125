import { readFile } from "node:fs/promises";
import { exhausted } from "./core/exhausted.ts";
import type { InfisicalSpec, SecretStore, VaultSpec } from "./core/spec.ts";
import type { ReadCredential } from "./credentials.ts";
import { HelmwardenError } from "./errors.ts";
import type { Clock, Log, Store } from "./ports.ts";
import type { InfisicalOptions } from "./providers/infisical/options.ts";
import type { VaultOptions } from "./providers/vault/options.ts";

/** Connects one configured store; no call is made yet. The provider's library is loaded here, when it is needed. */
export async function openStore(
  spec: SecretStore,
  read: ReadCredential,
  deps: { clock: Clock; log: Log },
): Promise<Store> {
  const { name, provider } = spec;
  const ca = await readCa(name, provider.caFile);
  switch (provider.kind) {
    case "vault": {
      const { createVaultStore } = await import("./providers/vault/vaultStore.ts");
      const { address, namespace, authNamespace, mount, version } = provider;
      const where = { name, address, namespace, authNamespace, mount, version, ca };
      return createVaultStore({ ...where, auth: vaultAuth(provider, read) }, deps);
    }
    case "infisical": {
      const { createInfisicalStore } = await import("./providers/infisical/store.ts");
      const { siteUrl, project, environment, organizationSlug, recursive } = provider;
      const where = { name, siteUrl, project, environment, organizationSlug, recursive, ca };
      return createInfisicalStore({ ...where, auth: infisicalAuth(provider, read) }, deps);
    }
    default:
      return exhausted(provider);
  }
}

async function readCa(store: string, caFile: string | undefined): Promise<string | undefined> {
  if (caFile === undefined) return undefined;
  try {
    return await readFile(caFile, "utf8");
  } catch {
    throw new HelmwardenError("ConfigInvalid", `The CA file ${caFile} of store ${store} cannot be read.`);
  }
}

function vaultAuth({ auth }: VaultSpec, read: ReadCredential): VaultOptions["auth"] {
  if ("kubernetes" in auth) return { kubernetes: { ...auth.kubernetes, jwt: read(auth.kubernetes.jwt) } };
  if ("jwt" in auth) return { jwt: { ...auth.jwt, jwt: read(auth.jwt.jwt) } };
  if ("userpass" in auth) return { userpass: { ...auth.userpass, password: read(auth.userpass.password) } };
  if ("token" in auth) return { token: read(auth.token) };
  const { mount, roleId, secretId } = auth.appRole;
  return { appRole: { mount, roleId: read(roleId), secretId: read(secretId) } };
}

function infisicalAuth({ auth }: InfisicalSpec, read: ReadCredential): InfisicalOptions["auth"] {
  switch (auth.kind) {
    case "universal":
      return { kind: "universal", clientId: read(auth.clientId), clientSecret: read(auth.clientSecret) };
    case "ldap":
      return { ...auth, password: read(auth.password) };
    case "aws":
      return auth;
    case "token":
      return { kind: "token", token: read(auth.token) };
    default:
      return { kind: auth.kind, identityId: auth.identityId, jwt: read(auth.jwt) };
  }
}
