import { isReady } from "../core/rollout.ts";
import { HelmwardenError } from "../errors.ts";
import type { Clock, WorkloadRef, Workloads } from "../ports.ts";

const LOOK_MS = 1_000;
/** A workload that never becomes ready must not stop the restarts of all others. */
const GIVE_UP_MS = 10 * 60_000;

/**
 * The same workloads, of which at most `atOnce` are on their way after a restart of ours; the next waits its turn, and
 * fails as Cancelled where its pass ends first.
 */
export function withRestartBudget(workloads: Workloads, atOnce: number, clock: Clock, life: AbortSignal): Workloads {
  let free = atOnce;
  const waiting: (() => void)[] = [];
  const take = async (signal: AbortSignal): Promise<void> => {
    if (signal.aborted) throw cancelled();
    if (free > 0) {
      free -= 1;
      return;
    }
    const turn = Promise.withResolvers<void>();
    const leave = (): void => {
      const place = waiting.indexOf(turn.resolve);
      if (place === -1) return;
      waiting.splice(place, 1);
      turn.reject(cancelled());
    };
    waiting.push(turn.resolve);
    signal.addEventListener("abort", leave, { once: true });
    await turn.promise.finally(() => signal.removeEventListener("abort", leave));
  };
  const give = (): void => {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  };
  const giveWhenReady = async (ref: WorkloadRef): Promise<void> => {
    const until = clock.monotonic() + GIVE_UP_MS;
    try {
      do {
        await clock.sleep(LOOK_MS, life);
        if (isReady((await workloads.get(ref, life))?.rollout)) break;
      } while (clock.monotonic() < until);
    } catch {
      // The cluster is away or we stop: the place is given back all the same.
    } finally {
      give();
    }
  };
  return {
    ...workloads,
    async annotatePods(ref, annotations, signal) {
      await take(signal);
      try {
        await workloads.annotatePods(ref, annotations, signal);
      } catch (caught) {
        give();
        throw caught;
      }
      void giveWhenReady(ref);
    },
  };
}

function cancelled(): HelmwardenError {
  return new HelmwardenError("Cancelled", "The pass ended before it was this workload's turn to restart.");
}
