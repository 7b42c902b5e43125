import { type RotationPolicy, userKeyOf } from "../../core/rotation/policy.ts";
import type { DataKey } from "../../core/readers.ts";
import type { ValueSource } from "../../core/spec.ts";
import { clusterOf, type SubjectSpec } from "../../core/subject.ts";
import { formatValuePath } from "../../core/valuePath.ts";
import { subjectOf } from "../reconcileSubject.ts";
import type { RotatePorts } from "./rotatePorts.ts";

/** A key of a Secret or ConfigMap in which a dependent's pods find the rotated secret. */
export interface CarriedKey extends DataKey {
  readonly cluster: string;
  readonly namespace: string;
  /** `value`, `user`: it is just that. `part`: it is somewhere in it. */
  readonly holds: "value" | "user" | "part";
}

/** Where the secret gets to: by a SecretSync's own keys, and by the X-rays of the releases. */
export async function carriedKeys(
  ports: RotatePorts,
  policy: RotationPolicy,
  signal: AbortSignal,
): Promise<readonly CarriedKey[]> {
  const found = await Promise.all(ports.dependents.map((one) => keysOf(ports, policy, one, signal)));
  return found.flat();
}

async function keysOf(
  ports: RotatePorts,
  policy: RotationPolicy,
  subject: SubjectSpec,
  signal: AbortSignal,
): Promise<readonly CarriedKey[]> {
  const cluster = clusterOf(subject);
  if (subject.kind === "Secret") {
    const { namespace, secret: name, data } = subject.spec;
    return data.flatMap(({ key, source }): CarriedKey[] => {
      const holds = holdsOf(policy, source);
      return holds === undefined ? [] : [{ cluster, kind: "Secret", namespace, name, key, holds }];
    });
  }
  const own = await ports.portsOf(cluster);
  const record = await own.cluster.statuses.get(subjectOf(subject), signal);
  return subject.spec.values.flatMap(({ path, source }) => {
    const holds = holdsOf(policy, source);
    if (holds === undefined) return [];
    const traced = record?.xray?.paths.find((one) => one.path === formatValuePath(path));
    return (traced?.reaches ?? []).flatMap((reach): CarriedKey[] => {
      const [kind, ...names] = reach.object.split("/");
      const name = names.at(-1);
      if ((kind !== "Secret" && kind !== "ConfigMap") || name === undefined) return [];
      const namespace = names.length === 2 ? (names[0] ?? "") : subject.spec.key.namespace;
      return [{ cluster, kind, namespace, name, key: reach.field, holds: reach.form === "whole" ? holds : "part" }];
    });
  });
}

function holdsOf(policy: RotationPolicy, source: ValueSource): CarriedKey["holds"] | undefined {
  const { store, path, key } = policy.secret;
  const userKey = userKeyOf(policy);
  const refs = source.kind === "ref" ? [source.ref] : [...source.parts.values()];
  const own = refs.filter((ref) => ref.store === store && ref.path === path);
  if (!own.some((ref) => ref.key === key || ref.key === userKey)) return undefined;
  if (source.kind === "template") return "part";
  return source.ref.key === key ? "value" : "user";
}
