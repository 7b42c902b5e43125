import { propose } from "../../core/migration/propose.ts";
import type { ImportPath, Proposal } from "../../core/migration/proposal.ts";
import type { RawSecret } from "../../core/migration/rawSecret.ts";
import { type PathRule, storePathOf } from "../../core/migration/storePath.ts";
import { formatKey, type StoredRelease } from "../../core/release.ts";
import { HelmwardenError } from "../../errors.ts";
import type { Cluster, Releases } from "../../ports.ts";

/** What of a cluster is to be migrated. */
export interface Scope {
  /** Empty: all namespaces. */
  readonly namespaces: readonly string[];
  readonly labelSelector: string | undefined;
  /** NAMESPACE/NAME; empty: all. */
  readonly secrets: readonly string[];
  readonly template: string;
  readonly rule: PathRule;
  /** Paths that somebody chose, by NAMESPACE/NAME. */
  readonly paths: ReadonlyMap<string, string>;
}

export interface Inventoried {
  readonly proposal: Proposal;
  readonly imports: readonly ImportPath[];
  /** What the backup keeps: the Secrets that are migrated, and the releases whose values were looked at. */
  readonly secrets: readonly RawSecret[];
  readonly releases: readonly StoredRelease[];
}

export interface InventoryPorts {
  readonly cluster: Pick<Cluster, "inventory" | "name">;
  readonly releases: Releases;
}

/** Reads the cluster and says what a migration would do. Writes nothing. UsageInvalid for a Secret that is not there. */
export async function takeInventory(ports: InventoryPorts, scope: Scope, signal: AbortSignal): Promise<Inventoried> {
  const places = scope.namespaces.length === 0 ? [undefined] : [...new Set(scope.namespaces)];
  const seen = await Promise.all(places.map((namespace) => look(ports, namespace, scope.labelSelector, signal)));
  const all = seen.flatMap(({ secrets }) => secrets);
  const names = new Set(all.map(nameOf));
  const unknown = scope.secrets.find((name) => !names.has(name));
  if (unknown !== undefined) {
    throw new HelmwardenError("UsageInvalid", `There is no Secret ${unknown} among those that were chosen.`);
  }
  const chosen = scope.secrets.length === 0 ? all : all.filter((secret) => scope.secrets.includes(nameOf(secret)));
  const releases = seen.flatMap((one) => one.releases);
  const { proposal, imports } = propose({
    secrets: chosen,
    referrers: seen.flatMap(({ referrers }) => [...referrers.open()]),
    releases,
    notSeen: [...new Set(seen.flatMap(({ notSeen }) => notSeen))],
    pathOf: (namespace, name) =>
      scope.paths.get(`${namespace}/${name}`) ?? storePathOf(scope.template, namespace, name, scope.rule),
  });
  requireOwnPaths(imports);
  const migrated = new Set(proposal.secrets.map(nameOf));
  return { proposal, imports, secrets: chosen.filter((secret) => migrated.has(nameOf(secret))), releases };
}

async function look(
  { cluster, releases }: InventoryPorts,
  namespace: string | undefined,
  labelSelector: string | undefined,
  signal: AbortSignal,
) {
  const query = {
    ...(namespace === undefined ? {} : { namespace }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
  };
  const [secrets, referring, names] = await Promise.all([
    cluster.inventory.secrets(query, signal),
    cluster.inventory.referrers(namespace, signal),
    cluster.inventory.releaseNames(namespace, signal),
  ]);
  const keys = names.map((name) => ({ cluster: cluster.name, ...name }));
  const readings = keys.length === 0 ? new Map<string, never>() : await releases.readAll(keys, signal);
  const read = keys.map((key) => ({ key, reading: readings.get(formatKey(key)) }));
  return {
    secrets,
    referrers: referring.objects,
    releases: read.flatMap(({ reading }) => (reading?.kind === "found" ? [reading.release] : [])),
    notSeen: [
      ...referring.denied.map((kind) => `who reads Secrets by ${kind}: we may not list that`),
      ...read.flatMap(({ key, reading }) =>
        reading?.kind === "found" ? [] : [`the values of release ${key.namespace}/${key.name}`],
      ),
    ],
  };
}

function nameOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

/** Two Secrets at one path would mix, and their keys could meet. */
function requireOwnPaths(imports: readonly ImportPath[]): void {
  const taken = new Map<string, string>();
  for (const { path, origin } of imports) {
    const other = taken.get(path);
    if (other !== undefined) {
      throw new HelmwardenError(
        "UsageInvalid",
        `${origin} and ${other} would both go to ${path}. Put {{namespace}} and {{secret}} into the path template, or give one of them another path in a mapping file.`,
      );
    }
    taken.set(path, origin);
  }
}
