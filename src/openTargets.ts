import { systemClock } from "./clock.ts";
import type { ChartJobTarget, RotationPolicy, SecretSource } from "./core/rotation/policy.ts";
import type { SecretValue } from "./core/secretValue.ts";
import { exhausted } from "./core/exhausted.ts";
import { releaseOfChartJob } from "./core/rotation/dependents.ts";
import type { ReleaseSync } from "./core/spec.ts";
import { subjectRefs } from "./core/subject.ts";
import { HelmwardenError } from "./errors.ts";
import type { ReleasePorts } from "./operations/releasePorts.ts";
import type { CredentialOwner, RotationTarget, Store } from "./ports.ts";

export interface TargetDeps {
  /** A credential for the target, read anew at each call. */
  readonly read: (source: SecretSource) => Promise<SecretValue>;
  readonly store: (name: string) => Promise<Store>;
  /** For a target that is a release itself. */
  readonly releases: readonly ReleaseSync[];
  readonly portsOf: (cluster: string) => Promise<ReleasePorts>;
}

/** The system behind a policy; no call is made yet. Undefined: none has to learn the value. Its driver is loaded here. */
export async function openTarget(policy: RotationPolicy, deps: TargetDeps): Promise<RotationTarget | undefined> {
  const { target } = policy;
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
    case "chartJob":
      return await openChartJob(policy, target, deps);
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

async function openChartJob(
  policy: RotationPolicy,
  target: ChartJobTarget,
  { releases, portsOf, store }: TargetDeps,
): Promise<RotationTarget> {
  const spec = releaseOfChartJob(policy, target, releases);
  if (spec === undefined)
    throw new HelmwardenError("ConfigInvalid", `No ReleaseSync maps the secret of the RotationPolicy ${policy.name}.`);
  const { chartJobTarget } = await import("./operations/rotate/chartJobTarget.ts");
  const names = new Set(subjectRefs({ kind: "Release", spec }).map((ref) => ref.store));
  const stores = await Promise.all([...names].map(async (name) => [name, await store(name)] as const));
  const job = { ports: await portsOf(spec.key.cluster), policy, spec, path: target.switch, stores: new Map(stores) };
  if (target.login === undefined) return chartJobTarget(job, undefined);
  const { openDatabaseLogin } = await import("./targets/openDatabaseTarget.ts");
  return chartJobTarget(job, await openDatabaseLogin(target.login));
}

async function openStoreCredential(name: string, owner: CredentialOwner, deps: TargetDeps): Promise<RotationTarget> {
  const { storeCredentialTarget } = await import("./targets/storeCredential.ts");
  const credentials = (await deps.store(name)).credentialsOf?.(owner);
  if (credentials !== undefined) return storeCredentialTarget(credentials, `store ${name}`);
  throw new HelmwardenError("ConfigInvalid", `The store ${name} makes no credentials. Correct the RotationPolicy.`);
}
