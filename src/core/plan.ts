import { type Digest, type DigestKey, digestOf, digestOfSet } from "./digest.ts";
import { type ChangedPath, notRotatableHolds } from "./guards.ts";
import { type Hold, hold } from "./hold.ts";
import type { Json, JsonObject } from "./json.ts";
import { planOverlay } from "./overlay.ts";
import { isPending, type Revision, type StoredRelease } from "./release.ts";
import { Sealed, SecretValue } from "./secretValue.ts";
import type { ValueMapping } from "./spec.ts";
import { isSettledAt, readWithoutKey, type StatusRecord } from "./statusRecord.ts";
import { formatValuePath, getAt, type ValuePath } from "./valuePath.ts";
import { mergeValues } from "./values.ts";
import { isEmptyLike, writtenValue } from "./wanted.ts";

/** A wanted value, or why there is none. */
export type Resolved =
  | { readonly kind: "value"; readonly value: SecretValue }
  | { readonly kind: "hold"; readonly hold: Hold };

/** One mapping with what its stores say now. */
export interface WantedValue {
  readonly path: ValuePath;
  readonly type: ValueMapping["type"];
  readonly kind: ValueMapping["kind"];
  readonly value: Resolved;
  /** `store:path#key@version`, one for each secret that it is made of. */
  readonly sources: readonly string[];
}

/** One value path that differs, by digest. */
export interface Change {
  readonly path: string;
  readonly from: Digest | undefined;
  readonly to: Digest;
  readonly sources: readonly string[];
}

/** What an upgrade would bring in, and what it builds on. */
export interface Upgrade {
  readonly base: Revision;
  /** The newest revision when this was planned: an upgrade makes the next one, or has lost a race. */
  readonly lastRevision: number;
  readonly overlay: Sealed<JsonObject>;
  /** Helm's `config` as it must read afterwards. */
  readonly expected: Sealed<JsonObject>;
  readonly changed: readonly ChangedPath[];
  readonly wanted: Digest;
}

export type Plan =
  | { readonly kind: "none"; readonly wanted: Digest }
  /** Helm already holds the wanted values. `unfinished`: a pass of ours died before it had settled them. */
  | { readonly kind: "adopt"; readonly base: Revision; readonly wanted: Digest; readonly unfinished: boolean }
  | {
      readonly kind: "upgrade";
      /** `outdated`: the store moved. `drift`: the release did. `repair`: a failed upgrade left it half applied. */
      readonly why: "outdated" | "drift" | "repair";
      readonly changes: readonly Change[];
      readonly upgrade: Upgrade;
    }
  | { readonly kind: "hold"; readonly holds: readonly Hold[]; readonly changes: readonly Change[] };

export interface PlanInput {
  readonly release: StoredRelease;
  readonly values: readonly WantedValue[];
  readonly allowEmpty: boolean;
  readonly record: StatusRecord | undefined;
  readonly digestKey: DigestKey;
  /** The key is made for this run: the record's digest tells nothing. */
  readonly keyless: boolean;
  /** A person asked for this pass: what has stalled is tried once more. */
  readonly asked: boolean;
}

/** Decides what a pass does with one release. Pure: the same input gives the same plan. */
export function planRelease(input: PlanInput): Plan {
  const { release, values, allowEmpty, digestKey } = input;
  const { base } = release;
  // Helm would build on a failed revision where none was ever deployed; nobody knows what that is worth.
  const blocked = base === undefined || base.status === "failed" ? [notDeployed(release)] : lockHolds(release);
  if (base === undefined || blocked.length > 0) return { kind: "hold", holds: blocked, changes: [] };

  const written = values.map((value) => writtenFor(value, allowEmpty));
  const wishes = values.flatMap(({ path }, index) => {
    const one = written[index];
    return one?.kind === "json" ? [{ path, json: one.json }] : [];
  });
  const overlay = planOverlay(base.config.open(), base.defaults.open(), wishes);
  const changes = changesOf(input, base, overlay.changed);
  const changed = changedPaths(values, base, overlay.changed);
  const holds = [
    ...written.flatMap((one) => (one.kind === "hold" ? [one.hold] : [])),
    ...overlay.holds,
    ...notRotatableHolds(base.chart, changed),
  ];
  if (holds.length > 0) return { kind: "hold", holds, changes };

  const wanted = wantedDigest(digestKey, values);
  const repair = needsRepair(release, values, wishes);
  const isBelieved = changes.length === 0 || input.record?.revision !== base.revision;
  const record = input.keyless ? readWithoutKey(input.record, wanted, isBelieved) : input.record;
  if (changes.length === 0 && !repair) return settledPlan(base, wanted, record);
  const stalled = input.asked ? undefined : stalledHold(record, wanted, release);
  if (stalled !== undefined) return { kind: "hold", holds: [stalled], changes };
  const why = repair ? "repair" : isSettledAt(record, wanted) ? "drift" : "outdated";
  const upgrade: Upgrade = {
    base,
    lastRevision: release.last.revision,
    overlay: new Sealed(overlay.overlay),
    expected: new Sealed(overlay.expected),
    changed,
    wanted,
  };
  return { kind: "upgrade", why, changes, upgrade };
}

/** Identity of everything that the mappings want: path and value of each. */
export function wantedDigest(key: DigestKey, values: readonly WantedValue[]): Digest {
  const parts = new Map<string, Digest>();
  for (const { path, value } of values) {
    if (value.kind === "value") parts.set(formatValuePath(path), digestOf(key, value.value));
  }
  return digestOfSet(key, parts);
}

function settledPlan(base: Revision, wanted: Digest, record: StatusRecord | undefined): Plan {
  if (isSettledAt(record, wanted)) return { kind: "none", wanted };
  const unfinished = record?.phase === "applying" && record.wanted === wanted;
  return { kind: "adopt", base, wanted, unfinished };
}

/** A change that had to be taken back is not made again until the secret or the release moves. */
function stalledHold(record: StatusRecord | undefined, wanted: Digest, { last }: StoredRelease): Hold | undefined {
  if (record?.outcome !== "restored" || record.wanted !== wanted || record.revision !== last.revision) return undefined;
  return hold(
    "stalled",
    `revision ${last.revision}`,
    `The same change was taken back before: ${record.reason ?? "the app did not become ready"}. It waits until the secret, the release or the configuration changes; \`helmwarden sync\` tries it now.`,
  );
}

function writtenFor({ path, type, value }: WantedValue, allowEmpty: boolean): ReturnType<typeof writtenValue> {
  return value.kind === "hold" ? value : writtenValue(formatValuePath(path), value.value, type, allowEmpty);
}

/**
 * A failed newest revision may be half applied: it is repaired where it tried other values at our paths than the
 * wanted ones, even though the last deployed revision's values look right.
 */
function needsRepair(
  release: StoredRelease,
  values: readonly WantedValue[],
  wishes: readonly { path: ValuePath; json: Json }[],
): boolean {
  const { last, base } = release;
  if (last.status !== "failed" || last.revision === base?.revision || values.length === 0) return false;
  const { changed, holds } = planOverlay(last.config.open(), last.defaults.open(), wishes);
  return changed.length > 0 || holds.length > 0;
}

function changesOf({ values, digestKey }: PlanInput, base: Revision, changed: readonly ValuePath[]): Change[] {
  return values.flatMap(({ path, value, sources }) => {
    if (value.kind === "hold" || !changed.includes(path)) return [];
    const present = effectiveText(base, path);
    const from = present === undefined ? undefined : digestOf(digestKey, SecretValue.fromText(present));
    return [{ path: formatValuePath(path), from, to: digestOf(digestKey, value.value), sources }];
  });
}

function changedPaths(values: readonly WantedValue[], base: Revision, changed: readonly ValuePath[]): ChangedPath[] {
  return values
    .filter(({ path }) => changed.includes(path))
    .map(({ path, kind }) => {
      const present = effectiveText(base, path);
      return { path: formatValuePath(path), kind, replaces: present !== undefined && !isEmptyLike(present) };
    });
}

function effectiveText(base: Revision, path: ValuePath): string | undefined {
  const present = getAt(mergeValues(base.defaults.open(), base.config.open()), path);
  if (present === undefined || present === null) return undefined;
  return typeof present === "string" ? present : JSON.stringify(present);
}

function notDeployed({ last }: StoredRelease): Hold {
  if (isPending(last.status)) return pendingHold(last);
  return hold(
    "notDeployed",
    `revision ${last.revision}`,
    `Helm has no deployed revision to build on (the newest is ${last.status}). Repair or install the release with helm first.`,
  );
}

function lockHolds({ last }: StoredRelease): Hold[] {
  if (isPending(last.status)) return [pendingHold(last)];
  if (last.status !== "uninstalled" && last.status !== "uninstalling") return [];
  return [
    hold(
      "notDeployed",
      `revision ${last.revision}`,
      `The release is ${last.status}. Install it again, or remove its ReleaseSync.`,
    ),
  ];
}

function pendingHold(last: Revision): Hold {
  return hold(
    "locked",
    `revision ${last.revision}`,
    `The release is ${last.status}: another helm is at work on it, or died in the middle. Wait; if nothing runs, \`helm rollback\` to the last good revision unlocks it.`,
  );
}
