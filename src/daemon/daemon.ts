import type { App } from "../app.ts";
import type { Config } from "../core/spec.ts";
import type { SubjectId } from "../core/subject.ts";
import type { Clock, Job, Log, Queue } from "../ports.ts";
import type { Callers } from "./callers.ts";
import { Comparisons } from "./comparisons.ts";
import { createDispatcher, type Dispatcher } from "./dispatcher.ts";
import { createGeneration, type Generation } from "./generation.ts";
import { lostMs } from "./leftAlone.ts";
import { Loops } from "./loops.ts";
import type { Metrics } from "./metrics.ts";
import { News } from "./news.ts";
import { Polls } from "./polls.ts";
import { Recoveries } from "./recoveries.ts";
import { ReleaseWatch } from "./releaseWatch.ts";
import { Rollouts } from "./rollouts.ts";
import { isRotation, Rotations } from "./rotations.ts";
import { StatusRows } from "./statusRows.ts";
import { StoreAlarms } from "./storeAlarms.ts";
import { followEvents } from "./storeEvents.ts";
import type { DaemonView } from "./view.ts";
import { createView } from "./createView.ts";
import { createWorker, type Worked } from "./worker.ts";

export interface DaemonDeps {
  readonly queue: Queue;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  /** Do other processes take jobs of this queue? */
  readonly sharedQueue: boolean;
  /** Where helmwarden's own objects live. */
  readonly namespace: string;
  /** Ends everything at once; shutdown drains before it aborts. */
  readonly signal: AbortSignal;
}

/** Events of one subject come in bursts (an upgrade writes its Secret, then its pods): one pass looks at all. */
const SETTLE_MS = 200;
const WATCHES_WITHIN_MS = 5_000;
const OTHERS_MS = 1_000;

/** Polls, watches, waves and workers of one process, over one configuration at a time. */
export class Daemon {
  readonly view: DaemonView;
  readonly #deps: DaemonDeps;
  readonly #loops: Loops;
  readonly #rows = new StatusRows();
  readonly #dispatcher: Dispatcher;
  readonly #polls: Polls;
  readonly #watch: ReleaseWatch;
  readonly #rollouts: Rollouts;
  readonly #rotations: Rotations;
  readonly #comparisons: Comparisons;
  readonly #recoveries: Recoveries;
  readonly #alarms: StoreAlarms;
  readonly #news: News;
  #generation: Generation;
  #watching = new AbortController();
  #callers: { readonly generation: Generation; readonly callers: Callers } | undefined;

  private constructor(deps: DaemonDeps, generation: Generation) {
    const { queue, metrics, clock, log, signal } = deps;
    this.#deps = deps;
    this.#generation = generation;
    this.#loops = new Loops(clock);
    this.#news = new News(deps.sharedQueue, deps.random);
    this.#alarms = new StoreAlarms(deps, () => this.#generation);
    this.#dispatcher = createDispatcher(
      queue,
      deps,
      (reason) => metrics.jobEnqueued(reason.split(" ")[0] ?? reason),
      signal,
    );
    const listener = {
      changed: (store: string, path: string, subjects: ReadonlySet<SubjectId>) =>
        void this.#comparisons.begin(`${store} ${path}`, [...subjects], "store", signal),
      read: (store: string, result: "changed" | "same" | "failed", seconds: number) => {
        metrics.storeRead(store, result, seconds);
        this.#alarms.look(store);
        this.#recoveries.store(store, result !== "failed", this.#generation.dependents.get(store)?.values() ?? []);
      },
      isResumed: (store: string, within: AbortSignal) => this.#alarms.isResumed(store, within),
    };
    this.#polls = new Polls(queue, listener, clock, log);
    this.#watch = new ReleaseWatch((subject, reason) => this.#dispatcher.send([subject], reason, SETTLE_MS));
    this.#rollouts = new Rollouts(
      () => this.#generation.config.program.rollout,
      (subjects, reason) => this.#dispatcher.send(subjects, reason),
      log,
    );
    this.#rotations = new Rotations({
      ...deps,
      generation: () => this.#generation,
      loops: this.#loops,
      send: (subject, reason) => this.#dispatcher.send([subject], reason),
    });
    this.#comparisons = new Comparisons({
      generation: () => this.#generation,
      rows: this.#rows,
      watch: this.#watch,
      rollouts: this.#rollouts,
      news: this.#news,
      log,
    });
    this.#recoveries = new Recoveries(
      () => this.#rows.list(new Set()),
      (subjects, reason) => this.#dispatcher.send(subjects, this.#news.mark(reason)),
    );
    this.view = createView({
      ...deps,
      rotations: this.#rotations,
      generation: () => this.#generation,
      loops: this.#loops,
      rows: this.#rows,
      waiting: () => this.#rollouts.waiting(),
      watch: this.#watch,
      hook: (store, path) =>
        void (path === undefined ? this.#polls.pollAll(store, signal) : this.#polls.poll(store, path, signal, true)),
    });
  }

  /** Starts every loop; returns when the first comparison is under way. */
  static async start(app: App, deps: DaemonDeps): Promise<Daemon> {
    const daemon = new Daemon(deps, await createGeneration(app.config, app, deps));
    const work = createWorker({
      generation: () => daemon.#generation,
      enqueue: (subject, reason, delayMs) => daemon.#dispatcher.send([subject], reason, delayMs),
      onWorked: (worked) => daemon.#worked(worked),
      onLease: (change) => deps.metrics.leaseHeld(change),
      isWatched: (cluster) => daemon.#watch.isHealthy(cluster),
      isNew: (reason, store, path) => daemon.#news.isNew(reason, store, path),
      clock: deps.clock,
      log: deps.log,
      random: deps.random,
    });
    deps.queue.consume((job: Job, signal: AbortSignal) =>
      isRotation(job.subject) ? daemon.#rotations.work(job, signal) : work(job, signal),
    );
    daemon.#loops.keepBeating(() => daemon.#recoveries.watches(daemon.#watch.states()), deps.signal);
    await daemon.#follow();
    return daemon;
  }

  /** Swaps a changed configuration in: polls and watches follow it, passes under way end on the old one. */
  async reload(config: Config, app: App): Promise<void> {
    const next = await createGeneration(config, app, this.#deps);
    const old = this.#generation;
    this.#generation = next;
    this.#rollouts.clear();
    await this.#follow();
    this.#deps.metrics.configReloaded("taken");
    void old.retire();
  }

  /** Asks with the paths that the present configuration reads; kept until it changes. */
  callers(make: (dependents: Generation["dependents"]) => Callers): Callers {
    if (this.#callers?.generation !== this.#generation) {
      this.#callers = { generation: this.#generation, callers: make(this.#generation.dependents) };
    }
    return this.#callers.callers;
  }

  /** Stops taking work, lets passes end within the grace period, and closes everything. */
  async stop(graceMs: number): Promise<void> {
    this.#watching.abort();
    await this.#deps.queue.drain(graceMs);
    await this.#watch.ended();
    await this.#generation.retire();
  }

  async #follow(): Promise<void> {
    const generation = this.#generation;
    this.#rows.follow(new Set(generation.subjects.keys()));
    this.#watching.abort();
    this.#watching = new AbortController();
    const signal = AbortSignal.any([this.#watching.signal, this.#deps.signal]);
    this.#watch.follow(generation, this.#deps, signal);
    this.#deps.queue.repeat("resync", generation.config.program.resyncMs, (within) => this.#compare("resync", within));
    if (this.#deps.sharedQueue)
      this.#deps.queue.repeat("lost", lostMs(generation.config), (within) => this.#compare("lost", within));
    if (this.#deps.sharedQueue)
      this.#deps.queue.repeat("waves", OTHERS_MS, (within) => this.#comparisons.followOthers(within));
    this.#polls.follow(generation);
    followEvents(generation, this.#polls, this.#deps.clock, signal);
    this.#rotations.follow();
    void this.#watch
      .begun(WATCHES_WITHIN_MS, this.#deps.clock, signal)
      .then(async () => await this.#compare("start", signal))
      .catch(() => undefined);
  }

  /** Every subject against its record, by two lists a cluster; who does not fit gets a pass. */
  async #compare(reason: string, signal: AbortSignal): Promise<void> {
    const known = new Set(this.#rollouts.waiting());
    const all = [...this.#generation.subjects.keys()].filter((id) => !known.has(id));
    await this.#comparisons.begin(reason, all, reason, signal);
    // Of a shared queue's turns, any number may fall to others.
    if (!this.#deps.sharedQueue) this.#loops.beat("resync", this.#generation.config.program.resyncMs * 3);
  }

  #worked(worked: Worked): void {
    const { metrics, clock } = this.#deps;
    const { subject, outcome, seconds } = worked;
    metrics.passEnded(outcome.kind, seconds);
    if (outcome.kind === "failed") metrics.errorSeen(outcome.code);
    const putBack = outcome.kind === "corrected" || (outcome.kind === "changed" && outcome.why === "drift");
    if (putBack || outcome.kind === "drifted") metrics.driftSeen(subject.includes("/Secret/") ? "Secret" : "Release");
    for (const workload of "restarted" in outcome ? outcome.restarted : [])
      metrics.restarted(workload.split("/")[0] ?? "");
    this.#rows.worked(worked, clock.now());
    this.#rollouts.worked(subject, outcome.kind, worked.againMs !== undefined);
    if (outcome.kind === "changed" || outcome.kind === "adopted") void this.#learn(subject);
  }

  /** After a change, the X-ray may name other Secrets to watch. */
  async #learn(id: SubjectId): Promise<void> {
    const subject = this.#generation.subjects.get(id);
    if (subject?.kind !== "Release") return;
    const { cluster, namespace, name } = subject.spec.key;
    const ports = await this.#generation.app.portsOf(cluster);
    const record = await ports.cluster.statuses
      .get({ kind: "Release", namespace, name }, this.#deps.signal)
      .catch(() => undefined);
    this.#watch.learn(id, record);
  }
}
