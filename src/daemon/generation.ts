import type { App } from "../app.ts";
import {
  clusterOf,
  type Dependents,
  dependentsOf,
  type SubjectId,
  type SubjectSpec,
  subjectsOf,
} from "../core/subject.ts";
import type { Config } from "../core/spec.ts";
import { toHelmwardenError } from "../errors.ts";
import type { Clock, Queue } from "../ports.ts";
import { WatchedStore } from "./watchedStore.ts";

/** One configuration at work. A changed one makes the next generation; passes of the old one end on the old. */
export interface Generation {
  readonly config: Config;
  readonly app: App;
  readonly subjects: ReadonlyMap<SubjectId, SubjectSpec>;
  readonly dependents: Dependents;
  readonly stores: ReadonlyMap<string, WatchedStore>;
  /** Counts a pass in; the result counts it out. */
  readonly enter: () => () => void;
  /** Closes the app once the last pass has left. */
  readonly retire: () => Promise<void>;
}

/**
 * Connects what the configuration names; no call is made yet. Rejects where none of its clusters can be had; one of
 * several that cannot fails the passes of its own subjects.
 */
export async function createGeneration(
  config: Config,
  app: App,
  { clock, queue }: { readonly clock: Clock; readonly queue: Pick<Queue, "rests"> },
): Promise<Generation> {
  const subjects = subjectsOf(config);
  await requireCluster(app, new Set([...subjects.values()].map(clusterOf)));
  const dependents = dependentsOf(subjects);
  const opened = await app.stores([...dependents.keys(), ...config.rotations.map(({ secret }) => secret.store)]);
  const stores = new Map(
    [...opened].map(([name, store]) => {
      const spec = config.stores.get(name);
      const maxAgeMs = (spec?.refreshIntervalMs ?? 60_000) * 2;
      return [name, new WatchedStore(store, { maxAgeMs, maxLoss: spec?.maxLoss ?? 1 }, clock, queue.rests)] as const;
    }),
  );
  const passes = passCounter();
  return {
    config,
    app,
    subjects,
    dependents,
    stores,
    enter: passes.enter,
    async retire() {
      await passes.empty();
      await app.close();
    },
  };
}

async function requireCluster(app: App, names: ReadonlySet<string>): Promise<void> {
  const opened = await Promise.allSettled([...names].map(async (name) => await app.cluster(name)));
  const refused = opened.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
  if (refused.length > 0 && refused.length === names.size) throw toHelmwardenError(refused[0]);
}

function passCounter(): { enter: () => () => void; empty: () => Promise<void> } {
  let running = 0;
  const waiting: (() => void)[] = [];
  return {
    enter() {
      running += 1;
      return () => {
        running -= 1;
        if (running === 0) for (const wake of waiting.splice(0)) wake();
      };
    },
    async empty() {
      if (running > 0) await new Promise<void>((resolve) => waiting.push(resolve));
    },
  };
}
