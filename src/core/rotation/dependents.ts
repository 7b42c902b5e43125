import type { SecretRef } from "../secretRef.ts";
import type { Config, ReleaseSync } from "../spec.ts";
import { subjectRefs, type SubjectSpec } from "../subject.ts";
import { type ChartJobTarget, type RotationPolicy, userKeyOf } from "./policy.ts";

/** Everything that reads what a policy rotates: Secrets, then releases, suspended ones included. */
export function dependentsOn(policy: RotationPolicy, { releases, secrets }: Pick<Config, "releases" | "secrets">) {
  const all: SubjectSpec[] = [
    ...secrets.map((spec): SubjectSpec => ({ kind: "Secret", spec })),
    ...releases.map((spec): SubjectSpec => ({ kind: "Release", spec })),
  ];
  return all.filter((subject) => subjectRefs(subject).some((ref) => ownsRef(policy, ref)));
}

/** The release whose chart changes the password; the configuration has been checked for it. */
export function releaseOfChartJob(
  policy: RotationPolicy,
  { release }: ChartJobTarget,
  releases: readonly ReleaseSync[],
): ReleaseSync | undefined {
  return releases.find(
    ({ name, key, values }) =>
      key.namespace === policy.namespace &&
      name === (release ?? name) &&
      values.some(({ type, source }) => type === "string" && source.kind === "ref" && isRotated(policy, source.ref)),
  );
}

/** Is it just the rotated secret? */
export function isRotated({ secret }: RotationPolicy, { store, path, key }: SecretRef): boolean {
  return store === secret.store && path === secret.path && key === secret.key;
}

/** Is it the rotated secret, or one that is changed with it? */
export function ownsRef(policy: RotationPolicy, ref: SecretRef): boolean {
  return ref.store === policy.secret.store && ref.path === policy.secret.path && keysOf(policy).has(ref.key);
}

function keysOf(policy: RotationPolicy): ReadonlySet<string> {
  const { generate, secret } = policy;
  const publicKey = "publicKey" in generate ? generate.publicKey : undefined;
  const all = [secret.key, userKeyOf(policy), policy.overlap?.key, publicKey];
  return new Set(all.filter((key) => key !== undefined));
}
