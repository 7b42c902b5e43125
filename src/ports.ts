import type { AuditRecord } from "./core/auditRecord.ts";
import type { JsonObject } from "./core/json.ts";
import type { BackupContent, BackupKey, BackupLock } from "./core/migration/backup.ts";
import type { JournalEntry } from "./core/migration/journal.ts";
import type { RawSecret } from "./core/migration/rawSecret.ts";
import type { SecretRead } from "./core/migration/secretReads.ts";
import type { ChartIdentity, ReleaseKey, Revision, RevisionHead, StoredRelease } from "./core/release.ts";
import type { Rollout } from "./core/rollout.ts";
import type { SecretValue, Sealed } from "./core/secretValue.ts";
import type { Generator, NotifySpec } from "./core/rotation/policy.ts";
import type { ChartSource } from "./core/spec.ts";
import type { StatusRecord } from "./core/statusRecord.ts";

/** Every seam on one page. Each call takes an AbortSignal, has a deadline of its own, and throws HelmwardenError only. */

// ---- stores -----------------------------------------------------------------------------------------------------

/** One connected secret manager. */
export interface Store {
  readonly name: string;
  /**
   * Reads everything at one path in one call (Vault: the keys of one KV secret; Infisical: the secrets of one
   * folder, imports merged). `missing` is for what the store says is not there; being unreachable, sealed, denied
   * or throttled throws. The same object comes back as long as the store says that nothing moved.
   */
  readPath(path: string, signal: AbortSignal): Promise<PathReading>;
  /** Absent: this store is only read. */
  readonly writer?: StoreWriter;
  /**
   * Writes notes beside a path's values, those that are there left as they are; gives how many it has no room for.
   * Absent: the store has no place for them.
   */
  annotate?(path: string, notes: ReadonlyMap<string, string>, signal: AbortSignal): Promise<number>;
  /**
   * Every path that holds something below this one, at any depth; "" is the whole store, its root included where that
   * is a path. Rejects where a part of it may not be listed. Absent: the store cannot tell.
   */
  listPaths?(below: string, signal: AbortSignal): Promise<readonly string[]>;
  /** Logs in and makes the cheapest call that proves it. Never throws for what it finds. */
  check(signal: AbortSignal): Promise<CheckLine>;
  /** What ends and must be replaced by a person, as far as it is known by now; from memory, without a call. */
  ends?(): StoreEnds;
  /**
   * Has the store itself tell what moves: the path, or undefined for "something, read all", with which it begins, also
   * after every break. Resolves when the signal aborts, or when the store says that it has no events; never rejects.
   * `onStanding` is told when a connection stands, and when it has ended.
   */
  watchEvents?(
    onEvent: (path: string | undefined) => void,
    signal: AbortSignal,
    onStanding?: (stands: boolean) => void,
  ): Promise<void>;
  /** Credentials that the store makes for who logs in to it. ConfigInvalid where it has no such owners. */
  credentialsOf?(owner: CredentialOwner): StoreCredentials;
  /** Ends timers and sockets, and revokes a token that this process made. */
  close(): Promise<void>;
}

/** Who logs in to a store: an AppRole of a Vault, or a machine identity (universal auth) of an Infisical. */
export type CredentialOwner =
  | { readonly kind: "appRole"; readonly role: string; readonly mount: string }
  | { readonly kind: "identity"; readonly identityId: string };

/** SecretIDs, or client secrets, of one owner; several work at a time. */
export interface StoreCredentials {
  /** A new one, which names the rotation for people who list them. */
  create(rotation: string, signal: AbortSignal): Promise<{ readonly value: SecretValue; readonly id: string }>;
  /** Logs in with it, and ends the token that it got. */
  test(value: SecretValue, signal: AbortSignal): Promise<"accepted" | "refused">;
  /** Ends it; gone already is fine. Without `id` a person made it, and it is found by its value. */
  revoke(value: SecretValue, id: string | undefined, signal: AbortSignal): Promise<void>;
  /** What a person should know of the owner. Throws what would be in the way of the others. */
  describe(signal: AbortSignal): Promise<string>;
}

/**
 * Writes of a migration (`create`, `remove`: nothing that is there is ever changed or removed, unless it is what we put
 * there) and of a rotation (`replace`).
 */
export interface StoreWriter {
  /**
   * Puts keys beside those of the path, by compare-and-set where the store has it. `equal`: it held just these bytes
   * already; `conflict`: others, which stay. Bytes that the store cannot hold are encoded, and marked so that
   * `readPath` gives them back as they were. StoreInvalid where that, too, is not possible.
   */
  create(path: string, secrets: ReadonlyMap<string, SecretValue>, signal: AbortSignal): Promise<WriteResults>;
  /**
   * Takes away the keys that still hold just these bytes, and a path that has none left. Versions that the store keeps
   * are not destroyed.
   */
  remove(
    path: string,
    secrets: ReadonlyMap<string, SecretValue>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, "removed" | "absent" | "conflict">>;
  /**
   * Changes keys of one path together, if each still is what `from` says (or what `to` says already, so that a lost
   * answer can be asked again); whatever else is at the path stays. KV 2: one compare-and-set. Infisical: one batch
   * for changed keys and one for new ones, and read again. `moved`: somebody else changed one of them, and nothing
   * was written.
   */
  replace(path: string, changes: ReadonlyMap<string, KeyChange>, signal: AbortSignal): Promise<"written" | "moved">;
}

export interface StoreEnds {
  /** Of a token that was given to us and cannot be renewed any more. One that a login made is replaced by the next. */
  readonly token: Date | undefined;
  /** Of the certificate that the server showed last. */
  readonly certificate: Date | undefined;
}

/** What one key at a path is, and what it shall become. Undefined: not there. */
export interface KeyChange {
  readonly from: SecretValue | undefined;
  readonly to: SecretValue | undefined;
}

export type WriteResults = ReadonlyMap<string, "created" | "equal" | "conflict">;

export type PathReading =
  | {
      readonly kind: "found";
      readonly secrets: ReadonlyMap<string, StoredSecret>;
      /** What people wrote beside the values (`KEY.comment`, `owner`), where the store has a place for it. No secrets. */
      readonly notes?: ReadonlyMap<string, string>;
    }
  | { readonly kind: "missing"; readonly why: "absent" | "deleted" | "destroyed" }
  /** Only from a daemon's view of a store: so much vanished that nothing of it is believed for now. */
  | { readonly kind: "suspicious"; readonly why: string };

export type StoredSecret =
  | {
      readonly kind: "value";
      readonly value: SecretValue;
      readonly version: number;
      readonly updatedAt: Date | undefined;
      /** Whoever else makes this value (an Infisical rotation): we only read it. */
      readonly managedBy?: string;
    }
  /** The store has it and does not show it to us (`<hidden-by-infisical>`). */
  | { readonly kind: "hidden"; readonly version: number }
  /** A number, list, map or null where a string belongs: KV 2 rounds numbers, so it is never taken. */
  | { readonly kind: "notText"; readonly version: number };

/** One line of `helmwarden check`. */
export interface CheckLine {
  readonly subject: string;
  readonly ok: boolean;
  readonly message: string;
  /** What to do, where it is not ok. */
  readonly advice?: string;
}

// ---- helm -------------------------------------------------------------------------------------------------------

/** A chart on local disk, proven to be of this name and version. */
export interface LocalChart extends ChartIdentity {
  readonly path: string;
  /** sha256 of the archive, or of names and contents of all files of a folder. */
  readonly digest: string;
  /** Template functions in the chart or its subcharts that make a render depend on more than its values. */
  readonly impure: readonly ImpureUse[];
}
export type ImpureUse = "random" | "time" | "lookup" | "release-revision" | "capabilities";

export interface HelmRequest {
  readonly key: ReleaseKey;
  readonly chart: LocalChart;
  /** Only mapped paths. Goes to helm's standard input as JSON. */
  readonly overlay: Sealed<JsonObject>;
}

export interface UpgradeRequest extends HelmRequest {
  readonly timeoutMs: number;
  readonly historyMax: number;
  /** No value and no plain hash of one. */
  readonly description: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The helm binary: it renders, upgrades and pulls, and is never asked what a release holds. */
export interface Helm {
  /** The exact version, as "4.1.4". HelmMissing or HelmUnsupported otherwise. */
  version(signal: AbortSignal): Promise<string>;
  /** The chart at exactly this name and version, pulled once and kept by digest. ChartUnavailable or ChartSourceUnavailable otherwise. */
  chart(source: ChartSource, deployed: ChartIdentity, signal: AbortSignal): Promise<LocalChart>;
  /**
   * Dry run over the deployed values with the overlay: every object that the upgrade would send. With `lookups`
   * "empty" the chart sees no live objects, which shows where a value would go if no live Secret won over it.
   */
  render(request: HelmRequest, lookups: "live" | "empty", signal: AbortSignal): Promise<Sealed<readonly JsonObject[]>>;
  /** `helm upgrade --reuse-values`. Returning proves nothing; throwing tells the class of the failure. */
  upgrade(request: UpgradeRequest, signal: AbortSignal): Promise<void>;
}

export type ReleaseReading =
  | { readonly kind: "found"; readonly release: StoredRelease }
  | { readonly kind: "missing" }
  | { readonly kind: "corrupt"; readonly revision: number };

/** Changes labels and data of one Secret of Helm's storage, if it has not moved since. ReleaseConflict otherwise. */
export type PatchStored = (
  stored: Pick<ListedSecret, "namespace" | "name" | "resourceVersion" | "labels" | "data">,
  signal: AbortSignal,
) => Promise<void>;

/** Helm's own storage. */
export interface Releases {
  /** One release as it is stored now. */
  read(key: ReleaseKey, signal: AbortSignal): Promise<ReleaseReading>;
  /** One revision; undefined where Helm's history keeps it no more, or it is corrupt. */
  readRevision(key: ReleaseKey, revision: number, signal: AbortSignal): Promise<Revision | undefined>;
  /**
   * Many, with as few list calls as possible, keyed by formatKey. A release whose storage Secrets have not moved
   * since the last call comes back as the same object, not decoded again.
   */
  readAll(keys: readonly ReleaseKey[], signal: AbortSignal): Promise<ReadonlyMap<string, ReleaseReading>>;
  /**
   * Marks a pending revision failed, as Flux does: the cluster is not touched, and the next upgrade builds on the last
   * deployed one. ReleaseConflict where it has moved.
   */
  unlock(release: StoredRelease, signal: AbortSignal): Promise<void>;
  /** The newest revision of each, by metadata alone, keyed by formatKey; left out: missing, or not ours to read. */
  readHeads(keys: readonly ReleaseKey[], signal: AbortSignal): Promise<ReadonlyMap<string, RevisionHead>>;
}

// ---- the cluster ------------------------------------------------------------------------------------------------

export interface LiveSecret {
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
  readonly type: string;
  readonly immutable: boolean;
  readonly data: ReadonlyMap<string, SecretValue>;
  /** Keys of `data` that our field manager owns. */
  readonly ownedKeys: ReadonlySet<string>;
  /** When anybody last wrote it, by the API server's clock. */
  readonly writtenAt: Date | undefined;
}

export interface SecretObjects {
  get(namespace: string, name: string, signal: AbortSignal): Promise<LiveSecret | undefined>;
  /** Server-side apply under our field manager: makes the Secret, of this type or Opaque, or sets just these keys. */
  apply(
    namespace: string,
    name: string,
    data: ReadonlyMap<string, SecretValue>,
    signal: AbortSignal,
    type?: string,
  ): Promise<LiveSecret>;
  /**
   * Sets keys of a Secret that helm applied, as helm (its field manager), so that its next upgrade meets no conflict
   * over them. For keys that somebody else changed behind Helm's back.
   */
  putBack(namespace: string, name: string, data: ReadonlyMap<string, SecretValue>, signal: AbortSignal): Promise<void>;
}

/** `Rollout` is that of Argo Rollouts, where the cluster serves it. */
export type WorkloadKind = "Deployment" | "StatefulSet" | "DaemonSet" | "Rollout";

export interface WorkloadRef {
  readonly kind: WorkloadKind;
  readonly namespace: string;
  readonly name: string;
}

export interface Workload {
  readonly ref: WorkloadRef;
  /** `spec.template`: sealed, as its env may hold values. */
  readonly podTemplate: Sealed<JsonObject>;
  /** A volume outlives its pods and looks like a database's. */
  readonly remembers: boolean;
  readonly rollout: Rollout;
}

export interface Workloads {
  list(namespace: string, signal: AbortSignal): Promise<readonly Workload[]>;
  get(ref: WorkloadRef, signal: AbortSignal): Promise<Workload | undefined>;
  /** Does every PodDisruptionBudget over its pods allow one to go? ClusterDenied where we may not list them. */
  mayDisrupt(workload: Workload, signal: AbortSignal): Promise<boolean>;
  /** Sets annotations on the pod template, which rolls the workload. */
  annotatePods(ref: WorkloadRef, annotations: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void>;
  /** The pods of a namespace that have not ended. */
  pods(namespace: string, signal: AbortSignal): Promise<readonly PodReading[]>;
  jobState(namespace: string, name: string, signal: AbortSignal): Promise<JobState>;
}

/** `ended`: it makes no pod any more, whether it succeeded or not. */
export type JobState = "absent" | "running" | "ended";

/** What a status object is about: a ReleaseSync's release, a SecretSync's Secret, a SecretStore, or a RotationPolicy. */
export interface Subject {
  readonly kind: "Release" | "Secret" | "Store" | "Rotation";
  readonly namespace: string;
  readonly name: string;
}

/** One small ConfigMap per subject: what we last did. Holds digests and names, never values. */
export interface StatusObjects {
  /** All of ours in these namespaces, keyed by `kind/namespace/name`. */
  list(namespaces: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, StatusRecord>>;
  get(subject: Subject, signal: AbortSignal): Promise<StatusRecord | undefined>;
  put(subject: Subject, record: StatusRecord, signal: AbortSignal): Promise<void>;
}

/** Kubernetes Events: for people, best effort. */
export interface Events {
  emit(
    subject: Subject,
    type: "Normal" | "Warning",
    reason: string,
    message: string,
    signal: AbortSignal,
  ): Promise<void>;
}

/** One call of the Kubernetes API, as a Role would permit it. */
export interface AccessQuestion {
  readonly verb: string;
  /** "" is the core group. */
  readonly group: string;
  readonly resource: string;
  /** Absent: in all namespaces. */
  readonly namespace?: string;
  /** Absent: whatever its name. */
  readonly name?: string;
}

export interface Access {
  /** SelfSubjectAccessReview: may we do this? */
  can(question: AccessQuestion, signal: AbortSignal): Promise<boolean>;
  /** The server's version, which proves reachability and credentials. */
  serverVersion(signal: AbortSignal): Promise<string>;
}

/**
 * Exclusion across processes by a Kubernetes Lease, renewed on a timer while the work runs. `held` aborts with
 * `signal`, and as soon as the lease is lost or can no longer be proven ours; work must not write after that. Never
 * waits: the lease of a dead holder is "taken" until a later call finds it unchanged for its whole duration.
 */
export type WithLease = <T>(
  lease: { readonly namespace: string; readonly name: string },
  work: (held: AbortSignal) => Promise<T>,
  signal: AbortSignal,
) => Promise<{ readonly kind: "held"; readonly result: T } | { readonly kind: "taken"; readonly by: string }>;

/** A Secret's metadata as a watch tells it. */
export interface SecretEvent {
  readonly kind: "changed" | "deleted";
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
  /** Empty where only a list told that it is gone. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface WatchQuery {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface WatchState {
  /** Milliseconds (monotonic clock) since the last event, bookmark or list. */
  readonly ageMs: number;
  /** True from the first list on, while the watch stands or its last list worked. */
  readonly healthy: boolean;
}

/**
 * Tells of every change of the Secrets that match, metadata only, until the signal aborts; resolves then, and never
 * rejects. Lists in pages first (what is there is no news) and again every few minutes (an event for each that moved in
 * between), watches with bookmarks, resumes, relists at 410, backs off; a watch that says nothing for too long is cut
 * and made anew.
 */
export type WatchSecrets = (
  query: WatchQuery,
  onEvent: (event: SecretEvent) => void,
  signal: AbortSignal,
) => { readonly done: Promise<void>; readonly state: () => WatchState };

/** What a migration needs to see, and to put back. Helm's own storage is not among the Secrets. */
export interface Inventory {
  /** All Secrets of a namespace, or of all; whole, so they are large. */
  secrets(query: InventoryQuery, signal: AbortSignal): Promise<readonly RawSecret[]>;
  /**
   * Everything that may name a Secret: workloads, jobs, pods without an owner, Ingresses, ServiceAccounts. `denied`:
   * the kinds that we may not list.
   */
  referrers(
    namespace: string | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly objects: Sealed<readonly JsonObject[]>; readonly denied: readonly string[] }>;
  /** The releases of a namespace, or of all, by the names in Helm's storage. */
  releaseNames(
    namespace: string | undefined,
    signal: AbortSignal,
  ): Promise<readonly { readonly namespace: string; readonly name: string }[]>;
  get(namespace: string, name: string, signal: AbortSignal): Promise<RawSecret | undefined>;
  /**
   * Makes the Secret, or replaces the one that is there at exactly `over` (its resourceVersion): type, labels,
   * annotations and data as given. ReleaseConflict where it has moved, or is there although `over` is undefined.
   */
  put(secret: RawSecret, over: string | undefined, dryRun: boolean, signal: AbortSignal): Promise<void>;
  /** Deletes the Secret at exactly this resourceVersion. ReleaseConflict where it has moved; gone already is fine. */
  remove(secret: Pick<RawSecret, "namespace" | "name" | "resourceVersion">, signal: AbortSignal): Promise<void>;
}

export interface InventoryQuery {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
}

/** One cluster: all its ports, with one connection pool. */
export interface Cluster {
  readonly name: string;
  readonly secrets: SecretObjects;
  readonly workloads: Workloads;
  /** When anybody last wrote a ConfigMap, by the API server's clock; undefined: it is not there, or does not say. */
  configMapWrittenAt(namespace: string, name: string, signal: AbortSignal): Promise<Date | undefined>;
  readonly statuses: StatusObjects;
  readonly events: Events;
  readonly access: Access;
  readonly listSecrets: ListSecrets;
  readonly getSecret: GetSecret;
  readonly patchStored: PatchStored;
  readonly withLease: WithLease;
  readonly watchSecrets: WatchSecrets;
  readonly inventory: Inventory;
  close(): Promise<void>;
}

export interface SecretQuery {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector: string;
  /** Metadata only: no payload crosses the wire, and `data` is empty. */
  readonly metadataOnly: boolean;
}

/** A Secret of Helm's storage, as it is listed. */
export interface ListedSecret {
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
  readonly labels: Readonly<Record<string, string>>;
  /** base64, as the API gives it; empty for metadata only. */
  readonly data: Sealed<Readonly<Record<string, string>>>;
}

/** Lists in pages, restarting when a page token expires (410). Throws ClusterDenied on 403. */
export type ListSecrets = (query: SecretQuery, signal: AbortSignal) => Promise<readonly ListedSecret[]>;

/** Reads one Secret of Helm's storage. */
export type GetSecret = (namespace: string, name: string, signal: AbortSignal) => Promise<ListedSecret | undefined>;

// ---- queue ------------------------------------------------------------------------------------------------------

/** One piece of work: which subject, and why. It is all that ever lies in Redis; never a value. */
export interface Job {
  /** `cluster/Kind/namespace/name`. */
  readonly subject: string;
  /** A word for people and metrics: "store", "drift", "retry", "start". */
  readonly reason: string;
}

export interface QueueDepth {
  readonly waiting: number;
  readonly delayed: number;
  readonly running: number;
}

/** What all processes of a queue are to leave alone for a while. Best effort, quick, and never rejects. */
export interface Rests {
  /** Nobody is to call it for so many milliseconds; the longest rest wins. */
  begin(name: string, ms: number): Promise<void>;
  /** Milliseconds until the end of the rest that any process has begun; 0: none is known. */
  left(name: string): Promise<number>;
}

/**
 * Work for one process or for many. Of one subject at most one job runs and at most one waits, with the newest
 * reason; a job may run twice after a crash, so work is idempotent. Exclusion is a Lease's matter, not the queue's.
 */
export interface Queue {
  /** Absent: no other process shares this queue. */
  readonly rests?: Rests;
  /** Adds a job, or joins the one of this subject that waits (the earlier time wins). QueueUnavailable if it cannot. */
  enqueue(job: Job, delayMs: number, signal: AbortSignal): Promise<void>;
  /** Starts taking jobs. `work` does not reject; its own outcome decides whether it enqueues again. */
  consume(work: (job: Job, signal: AbortSignal) => Promise<void>): void;
  /**
   * Calls `tick` about every `everyMs`, in one of the processes that share the queue. Goes on by itself in each
   * process while the queue's server is away. The same name again replaces the interval.
   */
  repeat(name: string, everyMs: number, tick: (signal: AbortSignal) => Promise<void>): void;
  /** Ends a repetition. */
  cancel(name: string): void;
  depth(signal: AbortSignal): Promise<QueueDepth>;
  /** Takes no more, waits `graceMs` for what runs, then aborts it; bounded in time in any case. */
  drain(graceMs: number): Promise<void>;
}

// ---- rotation ---------------------------------------------------------------------------------------------------

/** What a target checks: a user, where it has users, and the value. `id` names it for the target's own list of keys. */
export interface TargetCredential {
  readonly user: string | undefined;
  readonly value: SecretValue;
  readonly id: string | undefined;
}

/** One rotation, as a target sees it. For alternating users, `current` and `next` have different ones. */
export interface TargetChange {
  /** The rotation's own name: safe to be shown, the same at each repetition. */
  readonly rotation: string;
  readonly current: TargetCredential;
  readonly next: TargetCredential;
}

/**
 * A system that checks a credential and must learn a new one before the apps use it. Each call may be repeated after a
 * crash. TargetRefused: it said no, and nothing has changed. TargetUnavailable: it may have changed, or not.
 */
export interface RotationTarget {
  /** Does the current credential go on working after `set`, until `retire`? */
  readonly keepsOld: boolean;
  /** Logs in with it and asks something harmless. Rejects where the target does not tell. */
  test(credential: TargetCredential, signal: AbortSignal): Promise<"accepted" | "refused">;
  /** Where the target makes the value itself: `next` comes from here, and `set` has nothing left to do. */
  create?(rotation: string, signal: AbortSignal): Promise<Omit<TargetCredential, "user">>;
  /** Makes it take `next`. */
  set(change: TargetChange, signal: AbortSignal): Promise<void>;
  /** Although it takes `next`: has a `set` that was interrupted left something undone? Then it is called again. */
  leftUndone?(change: TargetChange, signal: AbortSignal): Promise<boolean>;
  /** Makes it take just `current` again. */
  undo(change: TargetChange, signal: AbortSignal): Promise<void>;
  /** Makes it take just `next`. */
  retire(change: TargetChange, signal: AbortSignal): Promise<void>;
  /** Sessions of whoever logged in with what is to be retired; absent: the target cannot tell them apart. */
  sessionsOf?(old: TargetCredential, signal: AbortSignal): Promise<number>;
  /** Is it there, may we change it, is the connection encrypted? */
  check(signal: AbortSignal): Promise<CheckLine>;
  close(): Promise<void>;
}

/** Makes new values. */
export type Generate = (
  generator: Generator,
  key: string,
) => Promise<{
  readonly value: SecretValue;
  /** What goes to other keys of the same path: public parts, companions. */
  readonly beside: ReadonlyMap<string, SecretValue>;
}>;

/** What a person or a system of theirs hears of a rotation. Never a value. */
export interface RotationNews {
  readonly policy: string;
  readonly namespace: string;
  readonly rotation: string;
  /** `rotated`: the old value still works; `retired`: it has ended, which may be the first that is heard. */
  readonly event: "rotated" | "retired" | "failed" | "rolledBack" | "overdue";
  readonly message: string;
  readonly at: Date;
}

/** Tells, with a few tries of its own; rejects with TargetUnavailable when nobody takes it. */
export type Notify = (spec: NotifySpec, news: RotationNews, signal: AbortSignal) => Promise<void>;

/** One pod that reads Secrets. */
export interface PodReading {
  readonly namespace: string;
  readonly name: string;
  /** `spec`, as its env may hold values. */
  readonly spec: Sealed<JsonObject>;
  /** By the API server's clock. */
  readonly createdAt: Date;
  /** When its containers last read what they read only at start, by its node's clock; undefined: none of them runs. */
  readonly startedAt: Date | undefined;
}

// ---- migration --------------------------------------------------------------------------------------------------

/** Encrypted files that keep what a migration touches. BackupInvalid for whatever is wrong with one. */
export interface Backups {
  /** A key of our own making: who has the identity opens what was written for the recipient. */
  newIdentity(): Promise<{ readonly identity: SecretValue; readonly recipient: string }>;
  /** Whole, on disk, opened again and compared when this returns; otherwise no file remains. */
  write(
    file: string,
    content: BackupContent,
    lock: BackupLock,
    signal: AbortSignal,
  ): Promise<{ readonly sha256: string }>;
  read(file: string, key: BackupKey, signal: AbortSignal): Promise<BackupContent>;
}

/** What a migration has done so far. Returning means: on disk. JournalUnavailable otherwise. */
export interface MigrationJournal {
  /** Oldest first; those that are appended come to it. */
  readonly entries: readonly JournalEntry[];
  append(...entries: readonly JournalEntry[]): Promise<void>;
  close(): Promise<void>;
}

/** All revisions of a release that its storage still has, decoded; a corrupt one is left out. */
export type ReadHistory = (key: ReleaseKey, signal: AbortSignal) => Promise<readonly Revision[]>;

/** All that a migration keeps on this machine. */
export interface MigrationFiles {
  readonly backups: Backups;
  readonly openJournal: (path: string, how: "begin" | "go on" | "read") => Promise<MigrationJournal>;
  readonly replaceText: (path: string, text: string) => Promise<void>;
  readonly writeKeyFile: (path: string, identity: SecretValue, recipient: string) => Promise<void>;
  readonly readKeyFile: (path: string) => Promise<SecretValue>;
  /** Whether a key file holds one age identity, and not none or a collection of them. */
  readonly holdsOneIdentity: (file: SecretValue) => boolean;
  readonly destroyFile: (path: string) => Promise<void>;
  /** A text file of the user's, and the same with another text, mode and links as they were. ConfigInvalid. */
  readonly readText: (path: string) => Promise<string>;
  readonly rewriteText: (path: string, text: string) => Promise<void>;
  /** Who read Secrets, by a log of the API server (audit.k8s.io/v1, a JSON object a line). ConfigInvalid. */
  readonly secretReads: (path: string) => AsyncIterable<SecretRead>;
}

// ---- record, log, time ------------------------------------------------------------------------------------------

/** The audit log. Returning means: on disk. AuditUnavailable otherwise, and then nothing may be changed. */
export interface AuditLog {
  append(record: AuditRecord): Promise<void>;
  close(): Promise<void>;
}

type Fields = Readonly<Record<string, string | number | boolean>>;

/** The operations log. Messages are constants of ours; fields never hold values. */
export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  child(fields: Fields): Log;
}

export interface Clock {
  /** Wall clock, for people and due dates. */
  now(): Date;
  /** Milliseconds that never jump, for durations. */
  monotonic(): number;
  /** Resolves after `ms` (any length, in slices below the 24.8 days of setTimeout) or rejects when aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}
