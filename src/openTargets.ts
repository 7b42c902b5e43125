import { systemClock } from "./clock.ts";
import type { RotationPolicy, SecretSource } from "./core/rotation/policy.ts";
import type { SecretValue } from "./core/secretValue.ts";
import { exhausted } from "./core/exhausted.ts";
import { HelmwardenError } from "./errors.ts";
import type { CredentialOwner, RotationTarget, Store } from "./ports.ts";

export interface TargetDeps {
  /** A credential for the target, read anew at each call. */
  readonly read: (source: SecretSource) => Promise<SecretValue>;
  readonly store: (name: string) => Promise<Store>;
}

/** The system behind a policy; no call is made yet. Undefined: none has to learn the value. Its driver is loaded here. */
export async function openTarget({ target }: RotationPolicy, deps: TargetDeps): Promise<RotationTarget | undefined> {
  switch (target.kind) {
    case "none":
      return undefined;
    case "postgres":
    case "mariadb":
    case "mysql": {
      const { openDatabaseTarget } = await import("./targets/openDatabaseTarget.ts");
      return await openDatabaseTarget(target, deps.read);
    }
    case "redis": {
      const { redisTarget } = await import("./targets/redis.ts");
      return redisTarget(target, deps.read);
    }
    case "http": {
      const { httpTarget } = await import("./targets/http.ts");
      return httpTarget(target, deps.read);
    }
    case "webhook": {
      const { webhookTarget } = await import("./targets/webhook.ts");
      return webhookTarget(target, deps.read, systemClock);
    }
    case "vaultSecretId":
      return await openStoreCredential(target.store, { ...target, kind: "appRole" }, deps);
    case "infisicalClientSecret":
      return await openStoreCredential(target.store, { ...target, kind: "identity" }, deps);
    default:
      return exhausted(target);
  }
}

async function openStoreCredential(name: string, owner: CredentialOwner, deps: TargetDeps): Promise<RotationTarget> {
  const { storeCredentialTarget } = await import("./targets/storeCredential.ts");
  const credentials = (await deps.store(name)).credentialsOf?.(owner);
  if (credentials !== undefined) return storeCredentialTarget(credentials, `store ${name}`);
  throw new HelmwardenError("ConfigInvalid", `The store ${name} makes no credentials. Correct the RotationPolicy.`);
}
