import { toHelmwardenError } from "../errors.ts";
import type { Log } from "../ports.ts";
import type { Runs } from "./runs.ts";

type Tick = (signal: AbortSignal) => Promise<void>;

/** The named repetitions of this process. A name ticks once at a time. */
export interface Repetitions {
  /** Replaces the one of this name. `loop` calls `tick`, or has it called, until its signal aborts. */
  start(name: string, tick: Tick, loop: (signal: AbortSignal) => Promise<void>): void;
  has(name: string): boolean;
  isTicking(name: string): boolean;
  /** Ticks now and waits for the end, unless that name ticks already. */
  tick(name: string): Promise<void>;
  cancel(name: string): void;
  end(): void;
}

export function createRepetitions(runs: Runs, log: Log): Repetitions {
  const started = new Map<string, { readonly tick: Tick; readonly life: AbortController }>();
  const ticking = new Set<string>();
  const cancel = (name: string): void => {
    started.get(name)?.life.abort();
    started.delete(name);
  };
  return {
    start(name, tick, loop) {
      cancel(name);
      const life = new AbortController();
      started.set(name, { tick, life });
      loop(life.signal).catch((caught: unknown) => {
        if (!life.signal.aborted) log.error("A repetition has ended.", { code: toHelmwardenError(caught).code });
      });
    },
    has: (name) => started.has(name),
    isTicking: (name) => ticking.has(name),
    async tick(name) {
      const repetition = started.get(name);
      if (repetition === undefined || ticking.has(name) || runs.ending) return;
      ticking.add(name);
      await runs.run(repetition.tick);
      ticking.delete(name);
    },
    cancel,
    end() {
      for (const { life } of started.values()) life.abort();
      started.clear();
    },
  };
}
