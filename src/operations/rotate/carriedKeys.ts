import type { JsonObject } from "../../core/json.ts";
import { objectName } from "../../core/objects.ts";
import { dataOf } from "../../core/positions.ts";
import type { DataKey } from "../../core/readers.ts";
import type { Literal } from "../../core/rotation/literal.ts";
import { type RotationPolicy, userKeyOf } from "../../core/rotation/policy.ts";
import type { ReleaseSync, ValueSource } from "../../core/spec.ts";
import { clusterOf, type SubjectSpec } from "../../core/subject.ts";
import { formatValuePath } from "../../core/valuePath.ts";
import type { Reach } from "../../core/xray.ts";
import { subjectOf } from "../reconcileSubject.ts";
import type { ReleasePorts } from "../releasePorts.ts";
import type { RotatePorts } from "./rotatePorts.ts";

/** A key of a Secret or ConfigMap in which a dependent's pods find the rotated secret. */
export interface CarriedKey extends DataKey {
  readonly cluster: string;
  readonly namespace: string;
  /** `value`, `user`: it is just that. `part`: it is somewhere in it. */
  readonly holds: "value" | "user" | "part";
}

/** Pods of this namespace may hold it themselves, as a chart put it there or where we cannot look. */
export interface CarriedLiteral extends Literal {
  readonly cluster: string;
}

export interface Carried {
  readonly keys: readonly CarriedKey[];
  readonly literals: readonly CarriedLiteral[];
}

/** Where the secret gets to: by a SecretSync's own keys, and by the X-rays of the releases. */
export async function carriedKeys(ports: RotatePorts, policy: RotationPolicy, signal: AbortSignal): Promise<Carried> {
  const found = await Promise.all(
    ports.dependents.map(async (one) =>
      one.kind === "Secret" ? keysOfSecret(policy, one) : await placesOfRelease(ports, policy, one.spec, signal),
    ),
  );
  const places = found.flat();
  return {
    keys: places.filter((place) => "key" in place),
    literals: places.filter((place) => "form" in place),
  };
}

type Place = CarriedKey | CarriedLiteral;

function keysOfSecret(policy: RotationPolicy, subject: SubjectSpec & { kind: "Secret" }): readonly CarriedKey[] {
  const { namespace, secret: name, data } = subject.spec;
  return data.flatMap(({ key, source }): CarriedKey[] => {
    const holds = holdsOf(policy, source);
    return holds === undefined ? [] : [{ cluster: clusterOf(subject), kind: "Secret", namespace, name, key, holds }];
  });
}

async function placesOfRelease(
  ports: RotatePorts,
  policy: RotationPolicy,
  spec: ReleaseSync,
  signal: AbortSignal,
): Promise<readonly Place[]> {
  const own = await ports.portsOf(spec.key.cluster);
  const record = await own.cluster.statuses.get(subjectOf({ kind: "Release", spec }), signal);
  const mapped = spec.values.flatMap(({ path, source }) => {
    const holds = holdsOf(policy, source);
    const traced = record?.xray?.paths.find((one) => one.path === formatValuePath(path));
    return holds === undefined ? [] : [{ holds, reaches: traced?.reaches ?? [] }];
  });
  // A lost record, a hash, a value too short to be followed: what is not seen may be anywhere.
  const unseen = mapped.some(({ reaches }) => reaches.length === 0) ? await allOf(own, spec, signal) : [];
  return [...mapped.flatMap(({ holds, reaches }) => reaches.map((reach) => placeOf(spec, holds, reach))), ...unseen];
}

function placeOf({ key }: ReleaseSync, holds: CarriedKey["holds"], reach: Reach): Place {
  const [kind, ...names] = reach.object.split("/");
  const { cluster } = key;
  const namespace = names.length === 2 ? (names[0] ?? "") : key.namespace;
  const name = names.at(-1) ?? "";
  if ((kind === "Secret" && reach.kind === "secret") || (kind === "ConfigMap" && reach.kind === "config"))
    return { cluster, kind, namespace, name, key: reach.field, holds: reach.form === "whole" ? holds : "part" };
  return { cluster, namespace, form: holds === "value" && reach.kind === "pod" ? reach.form : "part" };
}

/** Everything in which a release's objects could carry it. */
async function allOf(
  { releases }: Pick<ReleasePorts, "releases">,
  { key }: ReleaseSync,
  signal: AbortSignal,
): Promise<readonly Place[]> {
  const reading = await releases.read(key, signal);
  const objects = reading.kind === "found" ? reading.release.last.objects().open() : [];
  const { cluster, namespace } = key;
  return [...objects.flatMap((object) => dataKeysIn(object, key)), { cluster, namespace, form: "part" }];
}

function dataKeysIn(object: JsonObject, { cluster, namespace: home }: ReleaseSync["key"]): CarriedKey[] {
  const [kind, ...names] = objectName(object, home).split("/");
  if (kind !== "Secret" && kind !== "ConfigMap") return [];
  const namespace = names.length === 2 ? (names[0] ?? "") : home;
  const name = names.at(-1) ?? "";
  return [...dataOf(object).keys()].map((key) => ({ cluster, kind, namespace, name, key, holds: "part" }));
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
