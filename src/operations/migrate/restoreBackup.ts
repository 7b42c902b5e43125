import type { BackupContent } from "../../core/migration/backup.ts";
import type { RawSecret } from "../../core/migration/rawSecret.ts";
import { HelmwardenError, toHelmwardenError } from "../../errors.ts";
import type { Cluster } from "../../ports.ts";

export interface Restored {
  readonly namespace: string;
  readonly name: string;
  /** `newer`: the cluster has other bytes, marks or another type, and it was not said that it may be overwritten. */
  readonly result: "equal" | "made" | "overwritten" | "newer" | "failed";
  readonly message?: string;
}

/**
 * Puts Secrets of a backup back, all or the named ones (NAMESPACE/NAME): type, labels, annotations and bytes as they
 * were. One that is there with other content is overwritten only if told; at exactly the version that was looked at.
 * `dryRun` lets the server check all of it and store nothing.
 */
export async function restoreBackup(
  { inventory }: Pick<Cluster, "inventory">,
  { secrets }: BackupContent,
  how: { readonly names: readonly string[]; readonly overwrite: boolean; readonly dryRun: boolean },
  signal: AbortSignal,
): Promise<readonly Restored[]> {
  const known = new Set(secrets.map(nameOf));
  const unknown = how.names.find((name) => !known.has(name));
  if (unknown !== undefined) throw new HelmwardenError("UsageInvalid", `The backup has no Secret ${unknown}.`);
  const restored: Restored[] = [];
  for (const secret of secrets) {
    if (how.names.length > 0 && !how.names.includes(nameOf(secret))) continue;
    const { namespace, name } = secret;
    try {
      const live = await inventory.get(namespace, name, signal);
      const result = resultFor(live, secret, how.overwrite);
      if (result === "made" || result === "overwritten") {
        await inventory.put(secret, live?.resourceVersion, how.dryRun, signal);
      }
      restored.push({ namespace, name, result });
    } catch (caught) {
      signal.throwIfAborted();
      restored.push({ namespace, name, result: "failed", message: toHelmwardenError(caught).message });
    }
  }
  return restored;
}

function resultFor(live: RawSecret | undefined, kept: RawSecret, overwrite: boolean): Restored["result"] {
  if (live === undefined) return "made";
  const isEqual =
    live.type === kept.type &&
    live.immutable === kept.immutable &&
    haveSame(live.labels, kept.labels) &&
    haveSame(live.annotations, kept.annotations) &&
    live.data.size === kept.data.size &&
    [...kept.data].every(([key, value]) => live.data.get(key)?.equals(value) === true);
  if (isEqual) return "equal";
  return overwrite ? "overwritten" : "newer";
}

function haveSame(some: RawSecret["labels"], others: RawSecret["labels"]): boolean {
  const names = Object.keys(some);
  return names.length === Object.keys(others).length && names.every((name) => some[name] === others[name]);
}

function nameOf({ namespace, name }: RawSecret): string {
  return `${namespace}/${name}`;
}
