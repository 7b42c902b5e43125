import type { SecretValue } from "../core/secretValue.ts";
import type { Config, CredentialRef, SecretStore } from "../core/spec.ts";
import type { Dependents } from "../core/subject.ts";
import type { ReadCredential } from "../credentials.ts";
import type { Clock } from "../ports.ts";

type ReadSecret = () => Promise<SecretValue>;

/** Who may ask the daemon for what. A changed configuration makes a new one. */
export interface Callers {
  /** Undefined: nobody may see the status. */
  readonly statusToken: ReadSecret | undefined;
  /** By name of the store; only those with a hook. */
  readonly hooks: ReadonlyMap<string, StoreHook>;
}

export interface StoreHook {
  /** That somebody reads. */
  readonly paths: readonly string[];
  readonly pushToken: ReadSecret | undefined;
  readonly webhook: InfisicalWebhook | undefined;
}

export interface InfisicalWebhook {
  readonly secret: ReadSecret;
  readonly environment: string;
  /** Undefined where the configuration names the project by its slug, which no delivery holds. */
  readonly projectId: string | undefined;
}

/** Whoever knocks often must not make us read files or Secrets as often. */
const KEPT_MS = 10_000;

/** The callers that a configuration lets in. Credentials are read when they are needed, at most every ten seconds. */
export function callersOf(
  { stores, program }: Config,
  dependents: Dependents,
  readCredential: ReadCredential,
  clock: Pick<Clock, "monotonic">,
): Callers {
  const read = (ref: CredentialRef): ReadSecret => kept(readCredential(ref), clock);
  const hooks = new Map<string, StoreHook>();
  for (const [name, store] of stores) {
    const webhook = webhookOf(store, read);
    if (store.pushToken === undefined && webhook === undefined) continue;
    const pushToken = store.pushToken && read(store.pushToken);
    hooks.set(name, { paths: [...(dependents.get(name)?.keys() ?? [])], pushToken, webhook });
  }
  return { statusToken: program.http.token && read(program.http.token), hooks };
}

function webhookOf({ provider }: SecretStore, read: (ref: CredentialRef) => ReadSecret): InfisicalWebhook | undefined {
  if (provider.kind !== "infisical" || provider.webhookSecret === undefined) return undefined;
  const { webhookSecret, environment, project } = provider;
  return { secret: read(webhookSecret), environment, projectId: "id" in project ? project.id : undefined };
}

function kept(read: ReadSecret, clock: Pick<Clock, "monotonic">): ReadSecret {
  let last: { readonly at: number; readonly secret: Promise<SecretValue> } | undefined;
  return () => {
    const at = clock.monotonic();
    if (last === undefined || at - last.at > KEPT_MS) last = { at, secret: read() };
    return last.secret;
  };
}
