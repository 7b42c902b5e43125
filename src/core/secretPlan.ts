import { type Digest, type DigestKey, digestOf, digestOfSet } from "./digest.ts";
import { type ChangedPath, notRotatableHolds } from "./guards.ts";
import { type Hold, hold } from "./hold.ts";
import type { Change, Resolved } from "./plan.ts";
import type { SecretValue } from "./secretValue.ts";
import type { ValueMapping } from "./spec.ts";
import { isSettledAt, readWithoutKey, type StatusRecord } from "./statusRecord.ts";
import { isEmptyLike } from "./wanted.ts";

/** One key of a SecretSync with what its stores say now. */
export interface WantedKey {
  readonly key: string;
  readonly kind: ValueMapping["kind"];
  readonly value: Resolved;
  readonly sources: readonly string[];
}

/** The live Secret, as far as the plan needs it. */
export interface PresentSecret {
  readonly type: string;
  readonly immutable: boolean;
  readonly data: ReadonlyMap<string, SecretValue>;
}

export type SecretPlan =
  | { readonly kind: "none" }
  | { readonly kind: "adopt"; readonly wanted: Digest; readonly unfinished: boolean }
  | {
      readonly kind: "apply";
      readonly why: "outdated" | "drift" | "missing";
      readonly data: ReadonlyMap<string, SecretValue>;
      readonly changes: readonly Change[];
      /** The same keys, for the guards. */
      readonly changed: readonly ChangedPath[];
      readonly wanted: Digest;
    }
  | { readonly kind: "hold"; readonly holds: readonly Hold[]; readonly changes: readonly Change[] };

/** etcd and the API take 1 MiB; names and the keys of others need some of it. */
const LARGEST_SECRET = 1_000_000;

export interface SecretPlanInput {
  readonly present: PresentSecret | undefined;
  readonly record: StatusRecord | undefined;
  readonly digestKey: DigestKey;
  /** See PlanInput. */
  readonly keyless: boolean;
  readonly allowEmpty: boolean;
  /** That the Secret should have; undefined: any. */
  readonly type: string | undefined;
}

/** Decides what a pass does with one Secret. Pure. */
export function planSecret(keys: readonly WantedKey[], input: SecretPlanInput): SecretPlan {
  const { present, digestKey, keyless, allowEmpty } = input;
  const data = new Map(keys.flatMap(({ key, value }) => (value.kind === "value" ? [[key, value.value] as const] : [])));
  const changes = changesOf(keys, present, digestKey);
  const changed = changedKeys(keys, present, changes);
  const holds = [
    ...keys.flatMap(({ value }) => (value.kind === "hold" ? [value.hold] : [])),
    ...(allowEmpty ? [] : emptyHolds(data, changes)),
    ...notRotatableHolds(undefined, changed),
    ...sizeHolds(data, present),
    ...(present?.immutable === true && changes.length > 0 ? [immutableHold()] : []),
    ...typeHolds(present, input.type),
  ];
  if (holds.length > 0) return { kind: "hold", holds, changes };
  const wanted = wantedDigest(digestKey, data);
  const record = keyless ? readWithoutKey(input.record, wanted, changes.length === 0) : input.record;
  if (changes.length === 0) {
    if (isSettledAt(record, wanted)) return { kind: "none" };
    return { kind: "adopt", wanted, unfinished: record?.phase === "applying" && record.wanted === wanted };
  }
  const why = present === undefined ? "missing" : isSettledAt(record, wanted) ? "drift" : "outdated";
  return { kind: "apply", why, data, changes, changed, wanted };
}

function wantedDigest(key: DigestKey, data: ReadonlyMap<string, SecretValue>): Digest {
  return digestOfSet(key, new Map([...data].map(([name, value]) => [name, digestOf(key, value)])));
}

function changesOf(keys: readonly WantedKey[], present: PresentSecret | undefined, digestKey: DigestKey): Change[] {
  return keys.flatMap(({ key, value, sources }) => {
    if (value.kind === "hold") return [];
    const live = present?.data.get(key);
    if (live?.equals(value.value) === true) return [];
    const from = live === undefined ? undefined : digestOf(digestKey, live);
    return [{ path: key, from, to: digestOf(digestKey, value.value), sources }];
  });
}

/** What the Secret holds already is left alone, whatever it is. */
function emptyHolds(data: ReadonlyMap<string, SecretValue>, changes: readonly Change[]): Hold[] {
  return changes
    .map(({ path }) => path)
    .filter((key) => isEmptyValue(data.get(key)))
    .map((key) =>
      hold(
        "empty",
        key,
        "The store's value is empty, blank or a placeholder; the Secret keeps its own. Set it in the store, or `guards.empty: allow`.",
      ),
    );
}

function isEmptyValue(value: SecretValue | undefined): boolean {
  return value === undefined || (value.isText && isEmptyLike(value.reveal()));
}

function changedKeys(
  keys: readonly WantedKey[],
  present: PresentSecret | undefined,
  changes: readonly Change[],
): ChangedPath[] {
  return keys
    .filter(({ key }) => changes.some(({ path }) => path === key))
    .map(({ key, kind }) => ({ path: key, kind, replaces: !isEmptyValue(present?.data.get(key)) }));
}

function sizeHolds(data: ReadonlyMap<string, SecretValue>, present: PresentSecret | undefined): Hold[] {
  const all = new Map([...(present?.data ?? []), ...data]);
  const size = [...all].reduce((sum, [key, value]) => sum + key.length + value.byteLength, 0);
  if (size <= LARGEST_SECRET) return [];
  return [
    hold(
      "tooLarge",
      "data",
      `The Secret would hold ${size} bytes and Kubernetes takes 1 MiB. Split it over several Secrets.`,
    ),
  ];
}

function immutableHold(): Hold {
  return hold(
    "immutable",
    "Secret",
    "The Secret is marked immutable, so nobody can change it. Delete it and sync again: it is made anew, with the mapped keys only.",
  );
}

function typeHolds(present: PresentSecret | undefined, wanted: string | undefined): Hold[] {
  if (present === undefined || wanted === undefined || present.type === wanted) return [];
  return [
    hold(
      "otherType",
      "Secret",
      `The Secret is of type ${present.type}, the configuration says ${wanted}, and Kubernetes does not change a type. Correct \`type\`; or delete the Secret and sync again: it is made anew, with the mapped keys only.`,
    ),
  ];
}
