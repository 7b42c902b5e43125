import type { Digest } from "../digest.ts";

/** What a migration was asked to do: enough to go on with it. */
export interface MigrationRequest {
  readonly cluster: string;
  /** Empty: all namespaces. */
  readonly namespaces: readonly string[];
  readonly labelSelector?: string | undefined;
  readonly secrets: readonly string[];
  readonly template: string;
  readonly store: string;
  readonly mapping?: string | undefined;
  /** From store to store: where the values are now. Then the rest of the scope is empty. */
  readonly from?: string | undefined;
  /** Of that store, beside what the configuration refers to. */
  readonly paths?: readonly string[] | undefined;
  /** How old a value gets by the policies that are generated. */
  readonly rotate?: string | undefined;
}

export type KeyResult = "created" | "equal" | "conflict" | "changed" | "failed";
export type Stage = "import" | "verify" | "generate" | "plan" | "cutover" | "rollback" | "cleanup";

/** One line of the journal. Holds names and digests, never values. */
export type JournalEntry =
  /** `items`: so many lines of that step belong to it; a crash may have torn them off. */
  | { readonly step: "begin"; readonly at: string; readonly request: MigrationRequest; readonly items: number }
  /** What goes to one path, and the digests of its keys. */
  | {
      readonly step: "item";
      readonly path: string;
      readonly origin: string;
      readonly keys: Readonly<Record<string, Digest>>;
    }
  | {
      readonly step: "backup";
      readonly at: string;
      readonly file: string;
      readonly sha256: string;
      readonly secrets: number;
    }
  /** These keys were not there and are about to be made: only what has such a line is ever taken back. */
  | { readonly step: "intent"; readonly path: string; readonly keys: readonly string[] }
  | { readonly step: "imported"; readonly path: string; readonly keys: Readonly<Record<string, KeyResult>> }
  | { readonly step: "removed"; readonly path: string; readonly keys: readonly string[] }
  /** The raw Secret of this path is about to be deleted: if it is gone without the next line, it was us. */
  | { readonly step: "deleting"; readonly path: string }
  /** The raw Secret of this path is deleted. */
  | { readonly step: "deleted"; readonly at: string; readonly path: string }
  | { readonly step: "stage"; readonly at: string; readonly stage: Stage; readonly ok: boolean };

export interface JournalItem {
  readonly origin: string;
  readonly keys: ReadonlyMap<string, Digest>;
}

/** What the journal says has happened. */
export interface MigrationState {
  readonly request: MigrationRequest | undefined;
  /** Are all items on record that were to be when it began? Nothing was imported before. */
  readonly isBegun: boolean;
  readonly items: ReadonlyMap<string, JournalItem>;
  readonly backup: Extract<JournalEntry, { step: "backup" }> | undefined;
  /** By path, the keys that we made or were about to make, without those that we took back. */
  readonly intents: ReadonlyMap<string, ReadonlySet<string>>;
  readonly results: ReadonlyMap<string, ReadonlyMap<string, KeyResult>>;
  /** Paths whose Secrets are deleted since the cut-over. */
  readonly deleted: ReadonlySet<string>;
  /** Paths whose Secrets were about to be, by a run that did not say how it ended. */
  readonly deleting: ReadonlySet<string>;
  /** The last word about each stage. */
  readonly stages: ReadonlyMap<Stage, { readonly at: string; readonly ok: boolean }>;
}

/** Folds the lines of a journal, oldest first. */
export function stateOf(entries: readonly JournalEntry[]): MigrationState {
  let request: MigrationRequest | undefined;
  let expected = 0;
  let backup: MigrationState["backup"];
  const items = new Map<string, JournalItem>();
  const intents = new Map<string, Set<string>>();
  const results = new Map<string, Map<string, KeyResult>>();
  const deleted = new Set<string>();
  const deleting = new Set<string>();
  const stages = new Map<Stage, { at: string; ok: boolean }>();
  for (const entry of entries) {
    switch (entry.step) {
      case "begin":
        request = entry.request;
        expected = entry.items;
        break;
      case "item":
        items.set(entry.path, { origin: entry.origin, keys: new Map(Object.entries(entry.keys)) });
        break;
      case "backup":
        backup = entry;
        break;
      case "intent":
        intents.set(entry.path, new Set([...(intents.get(entry.path) ?? []), ...entry.keys]));
        break;
      case "imported":
        results.set(entry.path, new Map([...(results.get(entry.path) ?? []), ...Object.entries(entry.keys)]));
        break;
      case "removed":
        for (const key of entry.keys) {
          intents.get(entry.path)?.delete(key);
          results.get(entry.path)?.delete(key);
        }
        break;
      case "deleting":
        deleting.add(entry.path);
        break;
      case "deleted":
        deleting.delete(entry.path);
        deleted.add(entry.path);
        break;
      case "stage":
        stages.set(entry.stage, { at: entry.at, ok: entry.ok });
    }
  }
  const isBegun = items.size >= expected;
  return { request, isBegun, items, backup, intents, results, deleted, deleting, stages };
}

/** The raw Secret that an item came from; undefined: from elsewhere. */
export function secretAt(origin: string): { readonly namespace: string; readonly name: string } | undefined {
  const [, namespace, name] = /^secret ([^/]+)\/(.+)$/.exec(origin) ?? [];
  return namespace === undefined || name === undefined ? undefined : { namespace, name };
}

/** A key is in the store with the bytes that the cluster had. */
export function isThere(result: KeyResult | undefined): boolean {
  return result === "created" || result === "equal";
}

/** The Secrets that were named when it began, without those that are deleted since. Empty: all. */
export function secretsLeft(request: MigrationRequest, { items, deleted }: MigrationState): readonly string[] {
  const gone = new Set([...deleted].map((path) => items.get(path)?.origin));
  return request.secrets.filter((name) => !gone.has(`secret ${name}`));
}

/** How many keys ended how; those without a result are `waiting`. */
export function countKeys({ items, results }: MigrationState): Readonly<Record<KeyResult | "waiting", number>> {
  const counts = { created: 0, equal: 0, conflict: 0, changed: 0, failed: 0, waiting: 0 };
  for (const [path, { keys }] of items) {
    for (const key of keys.keys()) counts[results.get(path)?.get(key) ?? "waiting"] += 1;
  }
  return counts;
}
