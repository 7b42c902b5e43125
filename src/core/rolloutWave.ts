import type { RolloutSpec } from "./spec.ts";
import type { SubjectId } from "./subject.ts";

/** A change on its way to many subjects. Names only; the reader keeps it and asks what to start next. */
export interface Wave {
  readonly total: number;
  readonly waiting: readonly SubjectId[];
  readonly underWay: ReadonlySet<SubjectId>;
  /** Subjects that were healthy after it. */
  readonly healthy: number;
  /** The first that was not: nothing more is started. */
  readonly failed: SubjectId | undefined;
}

export function beginWave(subjects: readonly SubjectId[]): Wave {
  return { total: subjects.length, waiting: subjects, underWay: new Set(), healthy: 0, failed: undefined };
}

/** What may start now: the canaries first, then as many as may be unavailable at a time. */
export function startNext(
  wave: Wave,
  settings: RolloutSpec,
): { readonly wave: Wave; readonly start: readonly SubjectId[] } {
  if (wave.failed !== undefined) return { wave, start: [] };
  const canary = Math.min(settings.canary, wave.total);
  const proven = wave.healthy >= canary;
  const room = (proven ? mostAtOnce(wave.total, settings) : canary - wave.healthy) - wave.underWay.size;
  const start = wave.waiting.slice(0, Math.max(0, room));
  return {
    wave: { ...wave, waiting: wave.waiting.slice(start.length), underWay: new Set([...wave.underWay, ...start]) },
    start,
  };
}

/**
 * The wave after one of its subjects is done; of others it stays as it is. `untouched`: nothing was written, so that
 * nothing is proven, and the next is tried in its place.
 */
export function afterSubject(wave: Wave, subject: SubjectId, result: "healthy" | "unhealthy" | "untouched"): Wave {
  if (!wave.underWay.has(subject))
    return wave.failed === subject && result === "healthy"
      ? { ...wave, failed: undefined, healthy: wave.healthy + 1 }
      : wave;
  const underWay = new Set([...wave.underWay].filter((one) => one !== subject));
  if (result === "healthy") return { ...wave, underWay, healthy: wave.healthy + 1 };
  if (result === "untouched") return { ...wave, underWay, total: wave.total - 1 };
  return { ...wave, underWay, failed: wave.failed ?? subject };
}

export function isOver(wave: Wave): boolean {
  return wave.waiting.length === 0 && wave.underWay.size === 0;
}

function mostAtOnce(total: number, { maxUnavailable }: RolloutSpec): number {
  if (maxUnavailable.kind === "count") return maxUnavailable.count;
  return Math.max(1, Math.ceil(total * maxUnavailable.share));
}
