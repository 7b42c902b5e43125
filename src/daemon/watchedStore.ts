import { afterFailure, type Circuit, CLOSED, isOpen } from "../core/circuit.ts";
import { isSuspicious, lossOf } from "../core/suspicion.ts";
import { HelmwardenError } from "../errors.ts";
import type { Clock, PathReading, Store } from "../ports.ts";

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
}

/**
 * A store as a daemon sees it: the last readings answer for a while, a failing store is not asked for ever, and a
 * read in which too much vanished is not believed until it is seen twice and, where much of the whole store is gone,
 * until a person says so (`resume`).
 */
export interface WatchedStore extends Store {
  /** Reads the path now. True: something there is not as it was, so that its dependents have work. */
  refresh(path: string, signal: AbortSignal): Promise<boolean>;
  /** Believes what vanished. The paths that change by it are returned. */
  resume(): readonly string[];
  /** Is so much gone that only a person may say that it is right? */
  needsPerson(): boolean;
  state(): WatchedStoreState;
}

interface Kept {
  readonly reading: PathReading;
  readonly at: number;
}

export function watchStore(
  store: Store,
  settings: WatchedStoreSettings,
  clock: Pick<Clock, "monotonic">,
): WatchedStore {
  const good = new Map<string, Kept>();
  const suspects = new Map<string, PathReading>();
  const underWay = new Map<string, Promise<boolean>>();
  let circuit: Circuit = CLOSED;

  const readNow = async (path: string, signal: AbortSignal): Promise<boolean> => {
    if (isOpen(circuit, clock.monotonic())) throw openFault(store.name);
    try {
      const reading = await store.readPath(path, signal);
      circuit = CLOSED;
      return accept(path, reading);
    } catch (caught) {
      if (!signal.aborted) circuit = afterFailure(circuit, clock.monotonic());
      throw caught;
    }
  };
  const accept = (path: string, reading: PathReading): boolean => {
    const before = good.get(path)?.reading;
    const suspect = before !== undefined && isSuspicious(lossOf(keysOf(before), keysOf(reading)), settings.maxLoss);
    const seenBefore = sameKeys(suspects.get(path), reading);
    if (suspect) {
      suspects.set(path, reading);
      if (!seenBefore || needsPerson()) return !seenBefore;
    }
    const wasHeld = suspects.delete(path);
    good.set(path, { reading, at: clock.monotonic() });
    return before !== reading || wasHeld;
  };
  const needsPerson = (): boolean => {
    const had = [...good.values()].reduce((sum, { reading }) => sum + keysOf(reading).size, 0);
    const lost = [...suspects].reduce(
      (sum, [path, now]) => sum + lossOf(keysOf(good.get(path)?.reading), keysOf(now)).lost,
      0,
    );
    return isSuspicious({ had, lost }, settings.maxLoss);
  };
  const refresh = (path: string, signal: AbortSignal): Promise<boolean> => {
    const running = underWay.get(path);
    if (running !== undefined) return running;
    const reading = readNow(path, signal).finally(() => underWay.delete(path));
    underWay.set(path, reading);
    return reading;
  };
  return {
    name: store.name,
    check: (signal) => store.check(signal),
    close: () => store.close(),
    refresh,
    needsPerson,
    resume() {
      const believed = [...suspects.keys()];
      for (const [path, reading] of suspects) good.set(path, { reading, at: clock.monotonic() });
      suspects.clear();
      return believed;
    },
    async readPath(path, signal) {
      const kept = good.get(path);
      if (kept === undefined || clock.monotonic() - kept.at > settings.maxAgeMs) await refresh(path, signal);
      if (suspects.size > 0) return { kind: "suspicious", why: suspicionText(store.name, needsPerson()) };
      const fresh = good.get(path);
      if (fresh === undefined) throw openFault(store.name);
      return fresh.reading;
    },
    state() {
      const oldest = [...good.values()].reduce((least, { at }) => Math.min(least, at), Infinity);
      const state =
        suspects.size > 0
          ? "suspicious"
          : isOpen(circuit, clock.monotonic())
            ? "open"
            : circuit.failures > 0
              ? "failing"
              : "ok";
      return { paths: good.size, ageMs: good.size === 0 ? undefined : clock.monotonic() - oldest, state };
    },
  };
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

function openFault(store: string): HelmwardenError {
  return new HelmwardenError(
    "StoreUnavailable",
    `Store ${store} has failed several times in a row and rests for a while. Releases stay as they are.`,
  );
}
