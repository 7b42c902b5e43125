import type { Clock } from "../ports.ts";
import type { LoopState } from "./view.ts";

const HEARTBEAT_MS = 1_000;
const HEARTBEAT_WITHIN_MS = 15_000;

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

  /** It has ended, and is not missed. */
  forget(loop: string): void {
    this.#loops.delete(loop);
  }

  /** The event loop itself is one, and looks at something each time. */
  keepBeating(look: () => void, signal: AbortSignal): void {
    this.beat("heartbeat", HEARTBEAT_WITHIN_MS);
    const timer = setInterval(() => {
      this.beat("heartbeat", HEARTBEAT_WITHIN_MS);
      look();
    }, HEARTBEAT_MS);
    timer.unref();
    signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  }

  states(): LoopState[] {
    const now = this.#clock.monotonic();
    return [...this.#loops].map(([loop, { at, withinMs }]) => ({ loop, ageMs: now - at, ok: now - at <= withinMs }));
  }
}
