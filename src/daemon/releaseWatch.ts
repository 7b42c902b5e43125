import type { StatusRecord } from "../core/statusRecord.ts";
import { clusterOf, type SubjectId } from "../core/subject.ts";
import { dataKeyOf } from "../core/xray.ts";
import { toHelmwardenError } from "../errors.ts";
import { RUN_LABEL } from "../operations/apply.ts";
import type { Access, Clock, Log, SecretEvent, WatchQuery, WatchState } from "../ports.ts";
import type { Generation } from "./generation.ts";
import { narrowQueries, wideQueries, worstOf } from "./watchQueries.ts";

/** Told which subject moved, and what gave it away. */
export type OnMoved = (subject: SubjectId, reason: "release" | "live") => void;

const LOOK_MS = 50;
/** Secrets of which an event came before anybody was known to feed them. */
const MOST_EARLY = 1_000;
const LOOK_AGAIN_MS = 15_000;

/**
 * Watches Helm's storage, where a release is changed or rolled back by hand, and the Secrets that the mapped values
 * feed, where somebody runs `kubectl patch secret`: metadata only, and no wider than our Roles.
 */
export class ReleaseWatch {
  readonly #onMoved: OnMoved;
  readonly #states = new Map<string, () => WatchState>();
  readonly #ending: Promise<void>[] = [];
  /** `cluster/namespace/secret` to the subjects that feed it. */
  #feeds = new Map<string, Set<SubjectId>>();
  /** See MOST_EARLY; who feeds them is told when it is learned. */
  readonly #early = new Set<string>();
  #subjects: Generation["subjects"] = new Map();

  constructor(onMoved: OnMoved) {
    this.#onMoved = onMoved;
  }

  /** Watches every cluster of this generation until the signal aborts, each as soon as it can be had. */
  follow(
    generation: Generation,
    { clock, log }: { readonly clock: Clock; readonly log: Log },
    signal: AbortSignal,
  ): void {
    this.#subjects = generation.subjects;
    this.#feeds = new Map();
    this.#early.clear();
    this.#states.clear();
    const clusters = new Set<string>();
    for (const [id, subject] of generation.subjects) {
      if (subject.kind === "Secret") this.#feed(subject.spec.cluster, subject.spec.namespace, subject.spec.secret, id);
      clusters.add(clusterOf(subject));
    }
    for (const name of clusters) {
      this.#states.set(`${name} secrets`, () => ({ ageMs: 0, healthy: false }));
      this.#ending.push(this.#begin(generation, name, { clock, log }, signal));
    }
  }

  /** A cluster that the kubeconfig does not have is said loudly, once, and looked for again. */
  async #begin(
    generation: Generation,
    cluster: string,
    { clock, log }: { readonly clock: Clock; readonly log: Log },
    signal: AbortSignal,
  ): Promise<void> {
    for (let isTold = false; !signal.aborted; isTold = true) {
      try {
        return await this.#watchCluster(generation, cluster, signal);
      } catch (caught) {
        const { code, message } = toHelmwardenError(caught);
        if (!isTold) log.error("a cluster cannot be watched; what is in it fails", { cluster, code, advice: message });
      }
      await clock.sleep(LOOK_AGAIN_MS, signal).catch(() => undefined);
    }
  }

  /** Learns from a record's X-ray which Secrets a release feeds. */
  learn(id: SubjectId, record: StatusRecord | undefined): void {
    const subject = this.#subjects.get(id);
    if (subject?.kind !== "Release") return;
    const { cluster, namespace } = subject.spec.key;
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
    while (this.#ending.length > 0) await Promise.all(this.#ending.splice(0));
  }

  /** Are all watches of the cluster believed? */
  isHealthy(cluster: string): boolean {
    const own = [`${cluster} releases`, `${cluster} secrets`].flatMap((name) => this.#states.get(name) ?? []);
    return own.every((state) => state().healthy);
  }

  states(): { readonly cluster: string; readonly state: WatchState }[] {
    return [...this.#states].map(([cluster, state]) => ({ cluster, state: state() }));
  }

  async #watchCluster(generation: Generation, name: string, signal: AbortSignal): Promise<void> {
    const { watchSecrets, access } = await generation.app.cluster(name);
    const own = [...generation.subjects.values()].filter((subject) => clusterOf(subject) === name);
    const narrow = narrowQueries(own);
    const isMany = narrow.storage.length + narrow.live.length > 2;
    const { storage, live } = isMany && (await mayWatchAll(access, signal)) ? wideQueries() : narrow;
    if (signal.aborted) return;
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
    const key = `${cluster}/${event.namespace}/${event.name}`;
    const feeds = this.#feeds.get(key);
    for (const id of feeds ?? []) this.#onMoved(id, "live");
    if (feeds === undefined) this.#early.add(key);
    const [oldest] = this.#early;
    if (this.#early.size > MOST_EARLY && oldest !== undefined) this.#early.delete(oldest);
  }

  #feed(cluster: string, namespace: string, secret: string, id: SubjectId): void {
    const key = `${cluster}/${namespace}/${secret}`;
    this.#feeds.set(key, (this.#feeds.get(key) ?? new Set()).add(id));
    if (this.#early.delete(key)) this.#onMoved(id, "live");
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
