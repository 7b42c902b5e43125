import { afterFailure, type Circuit, CLOSED, isOpen } from "../core/circuit.ts";
import { isSuspicious, type Loss, lossOf } from "../core/suspicion.ts";
import { HelmwardenError, toHelmwardenError } from "../errors.ts";
import type { CheckLine, Clock, PathReading, Rests, Store, StoreEnds } from "../ports.ts";

export interface WatchedStoreSettings {
  /** A reading younger than this answers without a call. */
  readonly maxAgeMs: number;
  /** Share of the keys that may vanish in one read before it is not believed. */
  readonly maxLoss: number;
}

/** What a daemon knows of one store. */
export interface WatchedStoreState {
  readonly paths: number;
  /** Milliseconds since the oldest of its readings; undefined: a path was never read. */
  readonly ageMs: number | undefined;
  readonly state: "ok" | "failing" | "open" | "suspicious";
  /** Reads that this process made of it in the last minute. */
  readonly callsPerMinute: number;
  /** Does its stream of events stand? Undefined: it is not asked for one. */
  readonly eventsConnected: boolean | undefined;
}

export interface SecretUpdate {
  readonly path: string;
  readonly key: string;
  readonly updatedAt: Date;
}

interface Kept {
  readonly reading: PathReading;
  /** When it was asked for. */
  readonly at: number;
}

/**
 * A store as a daemon sees it: the last readings answer for a while, a failing store is not asked for ever, and a
 * read in which too much vanished is not believed until it is seen twice and, where much of the whole store is gone,
 * until a person says so (`resume`).
 */
export class WatchedStore implements Store {
  readonly name: string;
  readonly #store: Store;
  readonly #settings: WatchedStoreSettings;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #rests: Rests | undefined;
  readonly #good = new Map<string, Kept>();
  readonly #suspects = new Map<string, Kept>();
  readonly #underWay = new Map<string, Promise<void>>();
  /** Paths that have moved since their dependents were told. */
  readonly #news = new Set<string>();
  /** Since when a path must have been read, as somebody knows of a change. */
  readonly #neededSince = new Map<string, number>();
  #circuit: Circuit = CLOSED;
  #isTold: boolean | undefined;
  /** When the last minute's reads began. */
  #calls: readonly number[] = [];

  constructor(store: Store, settings: WatchedStoreSettings, clock: Pick<Clock, "monotonic">, rests?: Rests) {
    this.name = store.name;
    this.#store = store;
    this.#settings = settings;
    this.#clock = clock;
    this.#rests = rests;
  }

  check(signal: AbortSignal): Promise<CheckLine> {
    return this.#store.check(signal);
  }

  ends(): StoreEnds {
    return this.#store.ends?.() ?? { token: undefined, certificate: undefined };
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  watchEvents(onEvent: (path: string | undefined) => void, signal: AbortSignal): Promise<void> {
    const onStanding = (stands: boolean): void => {
      this.#isTold = stands;
    };
    onStanding(false);
    return this.#store.watchEvents?.(onEvent, signal, onStanding) ?? Promise.resolve();
  }

  async readPath(path: string, signal: AbortSignal): Promise<PathReading> {
    // What is on its way may have been asked too early.
    if (!this.#isFresh(path)) await this.#underWay.get(path)?.catch(() => undefined);
    if (!this.#isFresh(path)) await this.#read(path, signal);
    if (this.#suspects.size > 0) return { kind: "suspicious", why: suspicionText(this.name, this.needsPerson()) };
    const fresh = this.#good.get(path);
    if (fresh === undefined) throw restingFault(this.name);
    return fresh.reading;
  }

  /** Reads the path, or joins who reads it. True, once: its dependents have work, as something moved since the last time. */
  async refresh(path: string, signal: AbortSignal): Promise<boolean> {
    await this.#read(path, signal);
    return this.#news.delete(path);
  }

  /** The same by a call that begins after this one: what is on its way may have been asked before the secret moved. */
  async refreshAnew(path: string, signal: AbortSignal): Promise<boolean> {
    await this.#underWay.get(path)?.catch(() => undefined);
    return await this.refresh(path, signal);
  }

  /** Another process knows of a change: what was read until now does not answer any more. */
  outdate(path: string): void {
    this.#neededSince.set(path, this.#clock.monotonic());
  }

  /** Everybody has been compared with what was read until now. */
  forgetNews(): void {
    this.#news.clear();
  }

  /** Is so much gone that only a person may say that it is right? */
  needsPerson(): boolean {
    const had = [...this.#good.values()].reduce((sum, { reading }) => sum + keysOf(reading).size, 0);
    const lost = [...this.#suspects].reduce((sum, [path, { reading }]) => sum + this.#lossAt(path, reading).lost, 0);
    return isSuspicious({ had, lost }, this.#settings.maxLoss);
  }

  /** Believes what vanished. */
  resume(): void {
    for (const [path, kept] of this.#suspects) this.#good.set(path, kept);
    this.#suspects.clear();
  }

  /** When the store last changed each secret, where it says so. */
  *updates(): Generator<SecretUpdate> {
    for (const [path, { reading }] of this.#good) {
      if (reading.kind !== "found") continue;
      for (const [key, secret] of reading.secrets) {
        if (secret.kind === "value" && secret.updatedAt !== undefined) yield { path, key, updatedAt: secret.updatedAt };
      }
    }
  }

  state(): WatchedStoreState {
    const now = this.#clock.monotonic();
    const oldest = [...this.#good.values()].reduce((least, { at }) => Math.min(least, at), Infinity);
    const ageMs = this.#good.size === 0 ? undefined : now - oldest;
    const callsPerMinute = this.#recentCalls().length;
    return { paths: this.#good.size, ageMs, state: this.#word(now), callsPerMinute, eventsConnected: this.#isTold };
  }

  #recentCalls(): readonly number[] {
    const since = this.#clock.monotonic() - 60_000;
    return this.#calls.filter((at) => at > since);
  }

  #isFresh(path: string): boolean {
    const kept = this.#good.get(path);
    const since = Math.max(this.#clock.monotonic() - this.#settings.maxAgeMs, this.#neededSince.get(path) ?? -Infinity);
    return kept !== undefined && kept.at >= since;
  }

  async #read(path: string, signal: AbortSignal): Promise<void> {
    for (let running = this.#underWay.get(path); running !== undefined; running = this.#underWay.get(path)) {
      try {
        return await running;
      } catch (caught) {
        // Whoever began it may have left, and we have not.
        if (signal.aborted || toHelmwardenError(caught).code !== "Cancelled") throw caught;
      }
    }
    const reading = this.#readNow(path, signal).finally(() => this.#underWay.delete(path));
    this.#underWay.set(path, reading);
    await reading;
  }

  #word(now: number): WatchedStoreState["state"] {
    if (this.#suspects.size > 0) return "suspicious";
    if (isOpen(this.#circuit, now)) return "open";
    return this.#circuit.failures > 0 ? "failing" : "ok";
  }

  async #readNow(path: string, signal: AbortSignal): Promise<void> {
    this.#circuit = openFor(this.#circuit, (await this.#rests?.left(this.name)) ?? 0, this.#clock.monotonic());
    if (isOpen(this.#circuit, this.#clock.monotonic())) throw restingFault(this.name);
    this.#calls = [...this.#recentCalls(), this.#clock.monotonic()];
    try {
      const at = this.#clock.monotonic();
      const reading = await this.#store.readPath(path, signal);
      this.#circuit = CLOSED;
      this.#accept(path, { reading, at });
    } catch (caught) {
      if (!signal.aborted) this.#rest(toHelmwardenError(caught));
      throw caught;
    }
  }

  /** A store that asks for fewer calls is left alone for as long as it asks, by every process that shares the queue. */
  #rest({ code, detail }: HelmwardenError): void {
    const now = this.#clock.monotonic();
    const wait = detail["retryAfterMs"];
    if (code !== "StoreThrottled" || typeof wait !== "number") {
      this.#circuit = afterFailure(this.#circuit, now);
      return;
    }
    this.#circuit = openFor(this.#circuit, wait, now);
    void this.#rests?.begin(this.name, wait);
  }

  #accept(path: string, { reading, at }: Kept): void {
    const before = this.#good.get(path)?.reading;
    if (isSuspicious(this.#lossAt(path, reading), this.#settings.maxLoss)) {
      const seenBefore = sameKeys(this.#suspects.get(path)?.reading, reading);
      this.#suspects.set(path, { reading, at });
      if (!seenBefore) this.#news.add(path);
      if (!seenBefore || this.needsPerson()) return;
    }
    this.#suspects.delete(path);
    this.#good.set(path, { reading, at });
    if (before !== reading) this.#news.add(path);
  }

  #lossAt(path: string, now: PathReading): Loss {
    return lossOf(keysOf(this.#good.get(path)?.reading), keysOf(now));
  }
}

function openFor(circuit: Circuit, ms: number, now: number): Circuit {
  return ms > 0 ? { ...circuit, openUntil: Math.max(circuit.openUntil ?? 0, now + ms) } : circuit;
}

function keysOf(reading: PathReading | undefined): ReadonlySet<string> {
  return new Set(reading?.kind === "found" ? reading.secrets.keys() : []);
}

function sameKeys(left: PathReading | undefined, right: PathReading): boolean {
  if (left === undefined) return false;
  const [one, other] = [keysOf(left), keysOf(right)];
  return one.size === other.size && [...one].every((key) => other.has(key));
}

function suspicionText(store: string, person: boolean): string {
  const what = `so much has vanished from store ${store} in one read that nothing of it is believed for now.`;
  return person ? `${what} If it is meant, say \`helmwarden resume ${store}\`.` : `${what} The next read decides.`;
}

function restingFault(store: string): HelmwardenError {
  return new HelmwardenError(
    "StoreUnavailable",
    `Store ${store} has failed several times in a row, or asks for fewer calls, and rests for a while. Releases stay as they are.`,
  );
}
