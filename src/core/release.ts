import type { JsonObject } from "./json.ts";
import type { Sealed, SecretValue } from "./secretValue.ts";

/** Names one release: the kubeconfig context ("default": the one we run in), its namespace and its name. */
export interface ReleaseKey {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
}

export function formatKey(key: ReleaseKey): string {
  return `${key.cluster}/${key.namespace}/${key.name}`;
}

/** The status words of Helm's storage (helm.sh/helm/v4 pkg/release/common). */
export type ReleaseStatus =
  | "deployed"
  | "failed"
  | "superseded"
  | "uninstalled"
  | "uninstalling"
  | "pending-install"
  | "pending-upgrade"
  | "pending-rollback"
  | "unknown";

/** What the labels of a storage Secret tell without decoding it. */
export interface RevisionHead {
  readonly revision: number;
  readonly status: ReleaseStatus;
  /** Of the storage Secret; moves when Helm or anybody writes it. */
  readonly resourceVersion: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ChartIdentity {
  readonly name: string;
  readonly version: string;
}

/** One decoded revision. Everything that may hold a secret is sealed. */
export interface Revision extends RevisionHead {
  readonly chart: ChartIdentity;
  /** What the user supplied: Helm's `config`. */
  readonly config: Sealed<JsonObject>;
  /** Helm's `chart.values`: the defaults, and after --reuse-values older user values too. */
  readonly defaults: Sealed<JsonObject>;
  /** The rendered objects, as YAML. */
  readonly manifest: SecretValue;
  /** The same, parsed at the first call. */
  readonly objects: () => Sealed<readonly JsonObject[]>;
  readonly description: SecretValue;
  /** When helm last wrote it, by helm's own clock. */
  readonly changedAt: Date | undefined;
}

/** A release as Helm stored it: the newest revision, and the one that an upgrade would build on. */
export interface StoredRelease {
  readonly key: ReleaseKey;
  readonly last: Revision;
  /** Absent where Helm would say "has no deployed releases". */
  readonly base: Revision | undefined;
}

export function isPending(status: ReleaseStatus): boolean {
  return status.startsWith("pending-");
}

/**
 * The revisions an upgrade would look at, chosen as Helm does (pkg/action/upgrade.go, prepareUpgrade): `last` is
 * the highest; `base` is `last` if deployed, else the highest deployed one, else `last` if failed or superseded.
 */
export function chooseRevisions<T extends RevisionHead>(
  revisions: readonly T[],
): { last: T; base: T | undefined } | undefined {
  const ordered = [...revisions].sort((a, b) => b.revision - a.revision);
  const last = ordered[0];
  if (last === undefined) return undefined;
  const deployed = ordered.find((revision) => revision.status === "deployed");
  if (deployed !== undefined) return { last, base: deployed };
  return { last, base: last.status === "failed" || last.status === "superseded" ? last : undefined };
}
