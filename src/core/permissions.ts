import { credentialSecretsOf } from "./credentialRefs.ts";
import type { JsonObject } from "./json.ts";
import { manifestPermissions } from "./manifestPermissions.ts";
import { ownObjectName } from "./objectNames.ts";
import { formatKey } from "./release.ts";
import { dependentsOn } from "./rotation/dependents.ts";
import type { Sealed } from "./secretValue.ts";
import type { Config } from "./spec.ts";
import { type Need, type Permission, type Permissions, mergePermissions } from "./permission.ts";

export interface PermissionsInput {
  readonly config: Config;
  /** Only documents of this cluster count. */
  readonly cluster: string;
  /** The daemon's own namespace, where it notes what it thinks of a store. */
  readonly home: string;
  /** The objects that each release applies, by formatKey; one that is not there is not installed, or not readable. */
  readonly deployed: ReadonlyMap<string, Sealed<readonly JsonObject[]>>;
  /** Shall helm be able to make objects that are not there yet? */
  readonly creates?: boolean;
}

const STORAGE_VERBS = ["get", "list", "watch", "create", "update", "patch", "delete"];
const WORKLOADS = ["deployments", "statefulsets", "daemonsets"];

/**
 * All that the program does on one cluster under this configuration, by namespace: the one list from which `rbac`
 * prints Roles and `check` asks the API server.
 */
export function permissionsOf(input: PermissionsInput): readonly Permissions[] {
  const { config, cluster } = input;
  const releases = config.releases.filter(({ key, suspend }) => key.cluster === cluster && !suspend);
  const secrets = config.secrets.filter((spec) => spec.cluster === cluster);
  const rotations = config.rotations.filter((policy) => policy.cluster === cluster);
  const needs: Need[] = [];
  const add = (namespace: string, permissions: readonly Permission[]): void => {
    for (const permission of permissions) needs.push({ namespace, ...permission });
  };
  for (const { key, restart } of releases) {
    add(key.namespace, [STORAGE, ...ownObjects({ kind: "Release", name: key.name }), ...workloads(restart)]);
    const objects = input.deployed.get(formatKey(key))?.open() ?? [];
    needs.push(...manifestPermissions(objects, key.namespace, `release ${key.name}`, input.creates));
  }
  for (const { namespace, secret, restart } of secrets) {
    add(namespace, [secretOf(secret), ...ownObjects({ kind: "Secret", name: secret }), ...workloads(restart)]);
  }
  for (const { namespace, name } of rotations) add(namespace, ownObjects({ kind: "Rotation", name }));
  for (const dependent of config.rotations.flatMap((policy) => dependentsOn(policy, config))) {
    if (dependent.kind === "Release" && dependent.spec.suspend) continue;
    const { cluster: at, namespace } = dependent.kind === "Release" ? dependent.spec.key : dependent.spec;
    if (at === cluster) add(namespace, [PODS]);
  }
  if (cluster === "default") {
    for (const { namespace, name } of credentialSecretsOf(config)) add(namespace, [credential(name)]);
    for (const name of config.stores.keys()) add(input.home, storeStatus(name));
  }
  return mergePermissions(needs);
}

const STORAGE: Permission = {
  group: "",
  resource: "secrets",
  verbs: STORAGE_VERBS,
  reason:
    "Helm's storage: a Secret per revision, whose names grow with each upgrade, so that no list of names can narrow it; it covers the chart's own Secrets",
};

function secretOf(name: string): Permission {
  const verbs = ["get", "list", "watch", "create", "patch"];
  return { group: "", resource: "secrets", verbs, names: [name], reason: "Secrets of SecretSyncs, by name" };
}

function credential(name: string): Permission {
  return { group: "", resource: "secrets", verbs: ["get"], names: [name], reason: "credentials of the configuration" };
}

/** The status object, the Lease and the Events of one subject. */
function ownObjects(subject: {
  readonly kind: "Release" | "Secret" | "Rotation";
  readonly name: string;
}): Permission[] {
  const names = [ownObjectName(subject)];
  const leases = { group: "coordination.k8s.io", resource: "leases" };
  return [
    { group: "", resource: "configmaps", verbs: ["list"], reason: "finding status objects; a list cannot be narrowed" },
    { group: "", resource: "configmaps", verbs: ["get", "create", "patch"], names, reason: "status objects, by name" },
    { ...leases, verbs: ["create"], reason: "Leases, one a subject; a create cannot be narrowed" },
    { ...leases, verbs: ["get", "update"], names, reason: "Leases, by name" },
    EVENTS,
  ];
}

const PODS: Permission = {
  group: "",
  resource: "pods",
  verbs: ["list"],
  reason: "who still runs with a rotated secret's old value; a list cannot be narrowed",
};

const EVENTS: Permission = { group: "", resource: "events", verbs: ["create"], reason: "Events, for people" };

function storeStatus(store: string): Permission[] {
  const names = [ownObjectName({ kind: "Store", name: store })];
  const verbs = ["get", "create", "patch"];
  return [{ group: "", resource: "configmaps", verbs, names, reason: "status objects, by name" }, EVENTS];
}

function workloads(restart: "auto" | "never"): Permission[] {
  const verbs = ["get", "list", ...(restart === "auto" ? ["patch"] : [])];
  const reason = "whoever reads a changed Secret: what its volumes may remember, readiness, and restarts";
  const budgets = { group: "policy", resource: "poddisruptionbudgets", verbs: ["list"] };
  return [
    ...WORKLOADS.map((resource) => ({ group: "apps", resource, verbs, reason })),
    { group: "argoproj.io", resource: "rollouts", verbs, reason: "the same for Argo Rollouts, where there are any" },
    ...(restart === "auto" ? [{ ...budgets, reason: "what may be disrupted by a restart" }] : []),
  ];
}
