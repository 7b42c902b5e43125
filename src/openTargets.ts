import { systemClock } from "./clock.ts";
import type { RotationPolicy, SecretSource } from "./core/rotation/policy.ts";
import type { SecretValue } from "./core/secretValue.ts";
import { HelmwardenError } from "./errors.ts";
import type { RotationTarget, Store } from "./ports.ts";

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
    default:
      return await Promise.reject(
        new HelmwardenError("ConfigInvalid", `The target ${target.kind} is not built yet. ${typeof deps.read}`),
      );
  }
}
