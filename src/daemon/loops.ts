import type { Clock } from "../ports.ts";
import type { LoopState } from "./view.ts";

/** Which loops of the daemon still come round. */
export class Loops {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #loops = new Map<string, { at: number; readonly withinMs: number }>();

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** The loop came round; it is to do so again within this time. */
  beat(loop: string, withinMs: number): void {
    this.#loops.set(loop, { at: this.#clock.monotonic(), withinMs });
  }

  states(): LoopState[] {
    const now = this.#clock.monotonic();
    return [...this.#loops].map(([loop, { at, withinMs }]) => ({ loop, ageMs: now - at, ok: now - at <= withinMs }));
  }
}
