import type { Outcome } from "../core/outcome.ts";
import { afterSubject, beginWave, isOver, startNext, type Wave } from "../core/rolloutWave.ts";
import type { RolloutSpec } from "../core/spec.ts";
import type { SubjectId } from "../core/subject.ts";
import type { Log } from "../ports.ts";

/**
 * Sends changes that concern many subjects wave by wave: the canaries, then as many as may be unavailable at once; a
 * failed canary holds the rest until it is healthy, or until the change moves again.
 */
export class Rollouts {
  readonly #waves = new Map<string, { wave: Wave; readonly reason: string }>();
  readonly #settings: () => RolloutSpec;
  readonly #send: (subjects: readonly SubjectId[], reason: string) => void;
  readonly #log: Log;

  constructor(settings: () => RolloutSpec, send: (subjects: readonly SubjectId[], reason: string) => void, log: Log) {
    this.#settings = settings;
    this.#send = send;
    this.#log = log;
  }

  /** Begins a wave; one of the same name (an older change of the same path) is replaced. */
  begin(name: string, subjects: readonly SubjectId[], reason: string): void {
    if (subjects.length === 0) return;
    this.#waves.set(name, { wave: beginWave(subjects), reason });
    this.#advance(name);
  }

  /** A pass ended, here or elsewhere. */
  worked(subject: SubjectId, outcome: Outcome["kind"], comesAgain: boolean): void {
    for (const [name, entry] of this.#waves) {
      if (comesAgain && RESULT[outcome] !== "unhealthy") continue;
      const after = afterSubject(entry.wave, subject, RESULT[outcome]);
      if (after === entry.wave) continue;
      if (after.failed !== undefined && entry.wave.failed === undefined && after.waiting.length > 0) {
        this.#log.warn("a rollout is held: its first releases did not come through healthy", {
          subject,
          waiting: after.waiting.length,
        });
      }
      entry.wave = after;
      this.#advance(name);
    }
  }

  /** Subjects that wait for others of their wave. */
  waiting(): SubjectId[] {
    return [...this.#waves.values()].flatMap(({ wave }) => [...wave.waiting]);
  }

  /** Subjects that a wave has started and of which no good end is known: one that failed may come through later. */
  underWay(): SubjectId[] {
    return [...this.#waves.values()].flatMap(({ wave }) => [...wave.underWay, ...(wave.failed ? [wave.failed] : [])]);
  }

  /** Another configuration begins: what waited is compared anew. */
  clear(): void {
    this.#waves.clear();
  }

  #advance(name: string): void {
    const entry = this.#waves.get(name);
    if (entry === undefined) return;
    const { wave, start } = startNext(entry.wave, this.#settings());
    entry.wave = wave;
    if (start.length > 0) this.#send(start, entry.reason);
    if (isOver(wave)) this.#waves.delete(name);
  }
}

/** What an outcome proves about a change on its way to many. */
const RESULT: Readonly<Record<Outcome["kind"], Parameters<typeof afterSubject>[2]>> = {
  inSync: "healthy",
  adopted: "healthy",
  changed: "healthy",
  corrected: "healthy",
  suspended: "untouched",
  pending: "untouched",
  held: "untouched",
  drifted: "untouched",
  restored: "unhealthy",
  ineffective: "unhealthy",
  failed: "unhealthy",
};

/** What a record says of a pass in another process that came to an end, though not to a good one. */
export function isEnd(outcome: string | undefined): outcome is (typeof ENDS)[number] {
  return ENDS.some((one) => one === outcome);
}

const ENDS = ["failed", "restored", "ineffective", "held", "drifted"] as const;
