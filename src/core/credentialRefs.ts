import type { Config, CredentialRef, SecretStore } from "./spec.ts";

/** The Kubernetes Secrets that credentials of the configuration are read from. */
export function credentialSecretsOf({ stores, rotations, program }: Config): { namespace: string; name: string }[] {
  const refs = [
    ...[...stores.values()].flatMap(refsOfStore),
    ...rotations.flatMap(({ target, notify }) => [...refsIn(target), ...refsIn(notify)]),
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

/** Every way to log in, and every target of a rotation, is a small tree with credentials at its leaves. */
function refsIn(tree: unknown): CredentialRef[] {
  if (typeof tree !== "object" || tree === null) return [];
  if (tree instanceof Map) return [...tree.values()].flatMap(refsIn);
  if (isSecretRef(tree)) return [tree];
  return Object.values(tree).flatMap(refsIn);
}

function isSecretRef(value: object): value is Extract<CredentialRef, { fromSecret: object }> {
  return "fromSecret" in value;
}
