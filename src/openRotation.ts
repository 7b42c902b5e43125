import { randomBytes } from "node:crypto";
import type { App } from "./app.ts";
import type { RotationPolicy, SecretSource } from "./core/rotation/policy.ts";
import type { SecretValue } from "./core/secretValue.ts";
import { dependentsOn } from "./core/rotation/dependents.ts";
import { formatRef } from "./core/secretRef.ts";
import { subjectRefs } from "./core/subject.ts";
import { HelmwardenError } from "./errors.ts";
import { openTarget } from "./openTargets.ts";
import type { ReleasePorts } from "./operations/releasePorts.ts";
import type { RotatePorts } from "./operations/rotate/rotatePorts.ts";
import type { RotationSurroundings } from "./operations/rotate/runRotation.ts";
import type { Clock, Log, Notify, RotationTarget } from "./ports.ts";

export interface OpenRotation {
  readonly ports: RotatePorts;
  readonly around: RotationSurroundings;
  /** Closes the connection to the target; stores and clusters are the app's. */
  readonly close: () => Promise<void>;
}

/** Everything that the rotation of one policy works with; nothing is changed yet. */
export async function openRotation(
  app: App,
  policy: RotationPolicy,
  log: Log,
  onStep: RotatePorts["onStep"],
  signal: AbortSignal,
): Promise<OpenRotation> {
  const { createGenerate } = await import("./generators/createGenerate.ts");
  const dependents = dependentsOn(policy, app.config);
  const names = [policy.secret.store, ...dependents.flatMap(subjectRefs).map(({ store }) => store)];
  const [stores, cluster, own] = [
    await app.stores(names),
    await app.cluster(policy.cluster),
    await app.portsOf(policy.cluster),
  ];
  const target = await openPolicyTarget(app, policy, signal);
  // What is foreseen before the database changes need not be looked at again between that and the upgrade.
  const xrays: NonNullable<ReleasePorts["xrays"]> = new Map();
  const ports: RotatePorts = {
    stores,
    target,
    generate: createGenerate(),
    dependents,
    portsOf: async (name) => ({ ...(await app.portsOf(name)), xrays }),
    withLease: async (name) => (await app.cluster(name)).withLease,
    audit: own.audit,
    clock: own.clock,
    digestKey: own.digestKey,
    run: own.run,
    random: randomBytes,
    onStep,
  };
  return {
    ports,
    around: { cluster, notify: await openNotify(app, own.clock, signal), log },
    close: async () => await target?.close(),
  };
}

/** Whoever tells people; its credentials are read when there is news. */
export async function openNotify(app: App, clock: Clock, signal: AbortSignal): Promise<Notify> {
  const { createNotify } = await import("./targets/notify.ts");
  return createNotify(readSource(app, signal), clock);
}

/** Connects the system behind a policy; undefined: there is none. */
export async function openPolicyTarget(
  app: Pick<App, "config" | "stores" | "credential" | "portsOf">,
  policy: RotationPolicy,
  signal: AbortSignal,
): Promise<RotationTarget | undefined> {
  return await openTarget(policy, {
    read: readSource(app, signal),
    releases: app.config.releases,
    portsOf: app.portsOf,
    store: async (name) => {
      const store = (await app.stores([name])).get(name);
      if (store === undefined) throw new HelmwardenError("ConfigInvalid", `There is no SecretStore named ${name}.`);
      return store;
    },
  });
}

/** A credential for a target, given to the process or itself in a store; read anew at each call. */
function readSource(
  app: Pick<App, "stores" | "credential">,
  signal: AbortSignal,
): (source: SecretSource) => Promise<SecretValue> {
  return async (source) => {
    if (!("fromStore" in source)) return await app.credential(source)();
    const { store, path, key } = source.fromStore;
    const reading = await (await app.stores([store])).get(store)?.readPath(path, signal);
    const secret = reading?.kind === "found" ? reading.secrets.get(key) : undefined;
    if (secret?.kind === "value") return secret.value;
    throw new HelmwardenError(
      "ConfigInvalid",
      `${formatRef(source.fromStore)}, which a RotationPolicy logs in with, cannot be read there.`,
    );
  };
}
