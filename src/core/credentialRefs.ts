import type { Config, CredentialRef, SecretStore } from "./spec.ts";

/** The Kubernetes Secrets that credentials of the configuration are read from. */
export function credentialSecretsOf({ stores, program }: Config): { namespace: string; name: string }[] {
  const refs = [
    ...[...stores.values()].flatMap(refsOfStore),
    program.http.token,
    program.digestKey,
    program.queue.kind === "redis" ? program.queue.url : undefined,
  ];
  return refs.flatMap((ref) => (ref !== undefined && "fromSecret" in ref ? [ref.fromSecret] : []));
}

function refsOfStore({ pushToken, provider }: SecretStore): (CredentialRef | undefined)[] {
  return provider.kind === "vault"
    ? [pushToken, ...refsIn(provider.auth)]
    : [pushToken, provider.webhookSecret, ...refsIn(provider.auth)];
}

/** Every way to log in is a small tree with credentials at its leaves. */
function refsIn(auth: unknown): CredentialRef[] {
  if (typeof auth !== "object" || auth === null) return [];
  if (isSecretRef(auth)) return [auth];
  return Object.values(auth).flatMap(refsIn);
}

function isSecretRef(value: object): value is Extract<CredentialRef, { fromSecret: object }> {
  return "fromSecret" in value;
}
