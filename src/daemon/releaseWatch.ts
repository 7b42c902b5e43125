import type { StatusRecord } from "../core/statusRecord.ts";
import type { SubjectId } from "../core/subject.ts";
import { dataKeyOf } from "../core/xray.ts";
import { RUN_LABEL } from "../operations/apply.ts";
import type { Access, Clock, SecretEvent, WatchQuery, WatchState } from "../ports.ts";
import type { Generation } from "./generation.ts";
import { narrowQueries, wideQueries, worstOf } from "./watchQueries.ts";

/** Told which subject moved, and what gave it away. */
export type OnMoved = (subject: SubjectId, reason: "release" | "live") => void;

const LOOK_MS = 50;

/**
 * Watches Helm's storage, where a release is changed or rolled back by hand, and the Secrets that the mapped values
 * feed, where somebody runs `kubectl patch secret`: metadata only, and no wider than our Roles.
 */
export class ReleaseWatch {
  readonly #onMoved: OnMoved;
  readonly #states = new Map<string, () => WatchState>();
  #ending: Promise<void>[] = [];
  /** `cluster/namespace/secret` to the subjects that feed it. */
  #feeds = new Map<string, Set<SubjectId>>();

  constructor(onMoved: OnMoved) {
    this.#onMoved = onMoved;
  }

  /** Watches every cluster of this generation until the signal aborts. */
  async follow(generation: Generation, signal: AbortSignal): Promise<void> {
    this.#feeds = new Map();
    this.#states.clear();
    const clusters = new Set<string>();
    for (const [id, subject] of generation.subjects) {
      if (subject.kind === "Secret") this.#feed(subject.spec.cluster, subject.spec.namespace, subject.spec.secret, id);
      clusters.add(subject.kind === "Release" ? subject.spec.key.cluster : subject.spec.cluster);
    }
    await Promise.all([...clusters].map(async (name) => await this.#watchCluster(generation, name, signal)));
  }

  /** Learns from a record's X-ray which Secrets a release feeds. */
  learn(id: SubjectId, record: StatusRecord | undefined): void {
    const [cluster, kind, namespace] = id.split("/");
    if (kind !== "Release" || cluster === undefined || namespace === undefined) return;
    for (const reach of record?.xray?.paths.flatMap(({ reaches }) => reaches) ?? []) {
      const source = dataKeyOf(reach);
      if (source?.kind === "Secret") this.#feed(cluster, namespace, source.name, id);
    }
  }

  /** Resolves when every watch has seen its first list, or after `withinMs`: from then on nothing is missed. */
  async begun(withinMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
    const until = clock.monotonic() + withinMs;
    while (clock.monotonic() < until && this.states().some(({ state }) => !state.healthy)) {
      await clock.sleep(LOOK_MS, signal);
    }
  }

  /** Resolves when the watches of the last generation have ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#ending);
    this.#ending = [];
  }

  states(): { readonly cluster: string; readonly state: WatchState }[] {
    return [...this.#states].map(([cluster, state]) => ({ cluster, state: state() }));
  }

  async #watchCluster(generation: Generation, name: string, signal: AbortSignal): Promise<void> {
    const { watchSecrets, access } = await generation.app.cluster(name);
    const own = [...generation.subjects].filter(([id]) => id.startsWith(`${name}/`)).map(([, subject]) => subject);
    const narrow = narrowQueries(own);
    const isMany = narrow.storage.length + narrow.live.length > 2;
    const { storage, live } = isMany && (await mayWatchAll(access, signal)) ? wideQueries() : narrow;
    const follow = (queries: readonly WatchQuery[], onEvent: (event: SecretEvent) => void): (() => WatchState) => {
      const watches = queries.map((query) => watchSecrets(query, onEvent, signal));
      this.#ending.push(...watches.map(({ done }) => done));
      return worstOf(watches.map(({ state }) => state));
    };
    if (storage.length > 0) {
      const states = follow(storage, (event) => this.#onStorage(generation, name, event));
      this.#states.set(`${name} releases`, states);
    }
    this.#states.set(
      `${name} secrets`,
      follow(live, (event) => this.#onLive(name, event)),
    );
  }

  #onStorage(generation: Generation, cluster: string, event: SecretEvent): void {
    const { name, version } = event.labels;
    if (name === undefined || isOurs(event.labels[RUN_LABEL], version)) return;
    const id = `${cluster}/Release/${event.namespace}/${name}`;
    if (generation.subjects.has(id)) this.#onMoved(id, "release");
  }

  #onLive(cluster: string, event: SecretEvent): void {
    for (const id of this.#feeds.get(`${cluster}/${event.namespace}/${event.name}`) ?? []) this.#onMoved(id, "live");
  }

  #feed(cluster: string, namespace: string, secret: string, id: SubjectId): void {
    const key = `${cluster}/${namespace}/${secret}`;
    this.#feeds.set(key, (this.#feeds.get(key) ?? new Set()).add(id));
  }
}

/** Our own label on its own revision: what we did is no news. Inherited by a later revision, it is somebody else's. */
function isOurs(label: string | undefined, version: string | undefined): boolean {
  return label !== undefined && version !== undefined && label.startsWith(`v${version}-`);
}

/** A watch or two for the whole cluster cost less than two for each of many namespaces. Unreachable: as if we may not. */
async function mayWatchAll(access: Access, signal: AbortSignal): Promise<boolean> {
  const verbs = ["list", "watch"];
  const answers = verbs.map((verb) => access.can({ verb, group: "", resource: "secrets" }, signal));
  return await Promise.all(answers).then(
    (may) => may.every(Boolean),
    () => false,
  );
}
