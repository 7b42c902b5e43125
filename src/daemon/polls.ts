import type { SubjectId } from "../core/subject.ts";
import { type HelmwardenError, toHelmwardenError } from "../errors.ts";
import type { Clock, Log, Queue } from "../ports.ts";
import type { Generation } from "./generation.ts";
import type { WatchedStore } from "./watchedStore.ts";

/** Told of what a poll found. */
export interface PollListener {
  /** These subjects read something that moved. */
  readonly changed: (store: string, path: string, subjects: ReadonlySet<SubjectId>) => void;
  readonly read: (store: string, result: "changed" | "same" | "failed", seconds: number) => void;
  /** A mass loss: has a person said that it is meant? Asked at each poll while it lasts. */
  readonly isResumed: (store: string, signal: AbortSignal) => Promise<boolean>;
}

/** A budget is not spent to its last call: jobs and hooks read as well. */
const BUDGET_SHARE = 0.8;

/** How often each path of a store is read: at its interval, or less often where the budget asks for it. */
export function pollIntervalMs(refreshIntervalMs: number, paths: number, callsPerMinute: number | undefined): number {
  if (callsPerMinute === undefined) return refreshIntervalMs;
  return Math.max(refreshIntervalMs, (paths * 60_000) / (callsPerMinute * BUDGET_SHARE));
}

/** Reads every path of every store in turn, one call each, and tells what moved. */
export class Polls {
  readonly #queue: Queue;
  readonly #listener: PollListener;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #names = new Set<string>();
  readonly #suspicious = new Set<string>();
  readonly #failing = new Set<string>();
  #generation: Generation | undefined;

  constructor(queue: Queue, listener: PollListener, clock: Clock, log: Log) {
    this.#queue = queue;
    this.#listener = listener;
    this.#clock = clock;
    this.#log = log;
  }

  /** Polls the paths of this generation, and none of the last one's. */
  follow(generation: Generation): void {
    this.#generation = generation;
    const wanted = new Map<string, () => void>();
    for (const [store, paths] of generation.dependents) {
      const spec = generation.config.stores.get(store);
      if (spec === undefined) continue;
      const every = pollIntervalMs(spec.refreshIntervalMs, paths.size, spec.callsPerMinute);
      for (const path of paths.keys()) {
        wanted.set(pollName(store, path), () =>
          this.#queue.repeat(pollName(store, path), every, (signal) => this.poll(store, path, signal)),
        );
      }
    }
    for (const name of this.#names) if (!wanted.has(name)) this.#queue.cancel(name);
    this.#names.clear();
    for (const [name, start] of wanted) {
      this.#names.add(name);
      start();
    }
  }

  /**
   * Reads one path now and tells its dependents; `anew` where somebody says that it has just changed. Never rejects: a
   * failing store is a state, not an event.
   */
  async poll(store: string, path: string, signal: AbortSignal, anew = false): Promise<void> {
    const generation = this.#generation;
    const watched = generation?.stores.get(store);
    const subjects = generation?.dependents.get(store)?.get(path);
    if (watched === undefined || subjects === undefined) return;
    const start = this.#clock.monotonic();
    const took = (): number => (this.#clock.monotonic() - start) / 1000;
    try {
      const changed = await (anew ? watched.refreshAnew(path, signal) : watched.refresh(path, signal));
      this.#listener.read(store, changed ? "changed" : "same", took());
      if (this.#failing.delete(store)) this.#log.info("the store answers again", { store });
      if (changed) this.#listener.changed(store, path, subjects);
      if (isSuspicious(watched) && (await this.#listener.isResumed(store, signal))) watched.resume();
      this.#followSuspicion(store, watched);
    } catch (caught) {
      this.#listener.read(store, "failed", took());
      this.#logFault(store, path, toHelmwardenError(caught));
    }
  }

  /** All paths of a store, for a hook that names none. */
  async pollAll(store: string, signal: AbortSignal): Promise<void> {
    const paths = this.#generation?.dependents.get(store)?.keys() ?? [];
    for (const path of paths) await this.poll(store, path, signal, true);
  }

  /** While a store is suspicious everything on it is held, so that all of it may have work at the end. */
  #followSuspicion(store: string, watched: WatchedStore): void {
    if (isSuspicious(watched)) this.#suspicious.add(store);
    else if (this.#suspicious.delete(store)) {
      const paths = this.#generation?.dependents.get(store) ?? [];
      for (const [path, subjects] of paths) this.#listener.changed(store, path, subjects);
    }
  }

  /** Said once when a store begins to fail, not at every poll. */
  #logFault(store: string, path: string, { code, message }: HelmwardenError): void {
    const fields = { store, path, code, advice: message };
    if (this.#failing.has(store)) this.#log.debug("a store path could not be read", fields);
    else this.#log.warn("a store path could not be read; releases stay as they are", fields);
    this.#failing.add(store);
  }
}

function isSuspicious(watched: WatchedStore): boolean {
  return watched.state().state === "suspicious";
}

function pollName(store: string, path: string): string {
  return `poll ${store} ${path}`;
}
