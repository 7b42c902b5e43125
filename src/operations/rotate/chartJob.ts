import { isPending, type Revision, type StoredRelease } from "../../core/release.ts";
import { isRotated } from "../../core/rotation/dependents.ts";
import type { RotationPolicy } from "../../core/rotation/policy.ts";
import { SecretValue } from "../../core/secretValue.ts";
import type { ReleaseSync } from "../../core/spec.ts";
import { getAt, type ValuePath } from "../../core/valuePath.ts";
import { mergeValues } from "../../core/values.ts";
import { HelmwardenError } from "../../errors.ts";
import type { Store } from "../../ports.ts";
import type { ReleasePorts } from "../releasePorts.ts";

/** A release whose chart changes its database's password itself. */
export interface ChartJob {
  readonly ports: ReleasePorts;
  readonly policy: RotationPolicy;
  readonly spec: ReleaseSync;
  /** Where the values switch the Job on. */
  readonly path: ValuePath;
  /** All that the release reads from. */
  readonly stores: ReadonlyMap<string, Store>;
}

/** A release with something to build on, and no helm at work. */
export type Deployed = StoredRelease & { readonly base: Revision };

/** TargetUnavailable where it is not so. */
export function requireDeployed(job: ChartJob, release: StoredRelease): Deployed {
  const { base, last } = release;
  if (base !== undefined && base.status !== "failed" && !isPending(last.status)) return { ...release, base };
  const what = isPending(last.status)
    ? `is ${last.status}: another helm is at work on it, or died in the middle. What died with us is unlocked once it can live no longer; \`helm rollback\` unlocks what others left`
    : "has no deployed revision. Repair it with helm first";
  throw new HelmwardenError("TargetUnavailable", `${shownOf(job)} ${what}.`);
}

/** Where the release holds the rotated secret as it is. */
export function rotatedPaths({ policy, spec }: Pick<ChartJob, "policy" | "spec">): readonly ValuePath[] {
  return spec.values.flatMap(({ path, source, type }) =>
    type === "string" && source.kind === "ref" && isRotated(policy, source.ref) ? [path] : [],
  );
}

/** What the revision holds; undefined where its paths hold different values, or none. */
export function heldIn(revision: Revision, job: ChartJob): SecretValue | undefined {
  const [first, ...rest] = rotatedPaths(job).map((path) => effective(revision, path));
  return typeof first === "string" && rest.every((one) => one === first) ? SecretValue.fromText(first) : undefined;
}

/** Does the revision have the Job switched on? */
export function isOnIn(revision: Revision, { path }: Pick<ChartJob, "path">): boolean {
  return effective(revision, path) === true;
}

export function effective({ defaults, config }: Revision, path: ValuePath): ReturnType<typeof getAt> {
  return getAt(mergeValues(defaults.open(), config.open()), path);
}

export function shownOf({ spec: { key } }: Pick<ChartJob, "spec">): string {
  return `The release ${key.namespace}/${key.name}`;
}
