import { VERSION } from "../version.ts";
import type { Clock, Queue, QueueDepth } from "../ports.ts";
import type { Generation } from "./generation.ts";
import type { Loops } from "./loops.ts";
import type { ReleaseWatch } from "./releaseWatch.ts";
import type { Rotations } from "./rotations.ts";
import type { StatusPage } from "./statusPage.ts";
import type { StatusRows } from "./statusRows.ts";
import type { DaemonView, SecretAge } from "./view.ts";

export interface ViewDeps {
  readonly queue: Queue;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly generation: () => Generation;
  readonly loops: Loops;
  readonly rows: StatusRows;
  readonly watch: ReleaseWatch;
  readonly rotations: Pick<Rotations, "rows" | "tickedAt">;
  readonly hook: DaemonView["hook"];
  /** Subjects that wait for others of their wave. */
  readonly waiting: () => readonly string[];
}

/** Depth is asked of the queue now and then: the view answers from memory. */
const DEPTH_EVERY_MS = 5_000;

export function createView(deps: ViewDeps): DaemonView {
  const { clock, generation, loops, rows, watch, rotations, hook } = deps;
  const startedAt = clock.now().toISOString();
  const depth = followDepth(deps);
  return {
    live: () => loops.states(),
    ready() {
      const unhealthy = watch.states().filter(({ state }) => !state.healthy);
      const ok = watch.states().length === 0 || unhealthy.length < watch.states().length;
      return { ok, detail: ok ? "configuration and cluster are there" : "no cluster answers" };
    },
    status: () => ({
      version: VERSION,
      startedAt,
      stores: storeRows(generation()),
      subjects: rows.list(new Set(deps.waiting())),
      queue: depth(),
      watches: watch
        .states()
        .map(({ cluster, state }) => ({ cluster, ageMs: Math.round(state.ageMs), healthy: state.healthy })),
    }),
    rotations: () => ({ rows: rotations.rows(), tickedAt: rotations.tickedAt() }),
    secretAges: () => secretAges(generation(), clock.now()),
    hook,
  };
}

function storeRows({ stores, dependents, config }: Generation): StatusPage["stores"] {
  return [...stores].map(([name, store]) => {
    const spec = config.stores.get(name);
    const paths = dependents.get(name)?.size ?? 0;
    const { state, ageMs, callsPerMinute, eventsConnected } = store.state();
    const { token, certificate } = store.ends();
    return {
      name,
      paths,
      state,
      callsPerMinute,
      ...(ageMs === undefined ? {} : { ageMs: Math.round(ageMs) }),
      ...(spec?.callsPerMinute === undefined ? {} : { budget: spec.callsPerMinute }),
      ...(eventsConnected === undefined ? {} : { eventsConnected }),
      ...(token === undefined ? {} : { tokenEndsAt: token.toISOString() }),
      ...(certificate === undefined ? {} : { certificateEndsAt: certificate.toISOString() }),
    };
  });
}

function* secretAges({ stores }: Generation, now: Date): Generator<SecretAge> {
  for (const [store, watched] of stores) {
    for (const { path, key, updatedAt } of watched.updates()) {
      yield { store, path, key, ageMs: now.getTime() - updatedAt.getTime() };
    }
  }
}

function followDepth({ queue, signal }: ViewDeps): () => QueueDepth {
  let depth: QueueDepth = { waiting: 0, delayed: 0, running: 0 };
  const ask = async (): Promise<void> => {
    depth = await queue.depth(signal).catch(() => depth);
  };
  const timer = setInterval(() => void ask(), DEPTH_EVERY_MS);
  timer.unref();
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  void ask();
  return () => depth;
}
