import { RETRY } from "../errors.ts";
import type { Outcome } from "./outcome.ts";

export interface RetrySettings {
  readonly firstMs: number;
  readonly mostMs: number;
  /** Tries in all, before a subject is stalled until something changes. An outage counts for none. */
  readonly attempts: number;
}

/** What to do with a subject after a pass. */
export type Next =
  | { readonly kind: "done" }
  | { readonly kind: "again"; readonly delayMs: number; readonly attempt: number }
  | { readonly kind: "stalled" };

/** A fault that is nobody's fault (a lock, a lost race, throttling) is tried again after this, and not counted. */
const AFTER_MS = 15_000;

/** `attempt` counts the tries at the same wanted values, from 1. `random` is uniform in [0, 1). */
export function nextAfter(outcome: Outcome, attempt: number, settings: RetrySettings, random: number): Next {
  switch (outcome.kind) {
    case "restored":
    case "ineffective":
      return { kind: "stalled" };
    case "held":
      return outcome.holds.some(({ reason }) => reason === "locked")
        ? again(AFTER_MS, attempt, random)
        : { kind: "done" };
    case "failed":
      return afterFault(RETRY[outcome.code], attempt, settings, random);
    default:
      return { kind: "done" };
  }
}

/** `first`, twice that, four times … at most `most`; the upper half of it at random, so that many do not come together. */
export function backoffMs(
  attempt: number,
  { firstMs, mostMs }: Pick<RetrySettings, "firstMs" | "mostMs">,
  random: number,
): number {
  const full = Math.min(mostMs, firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(full * (0.5 + random / 2));
}

function afterFault(
  retry: (typeof RETRY)[keyof typeof RETRY],
  attempt: number,
  settings: RetrySettings,
  random: number,
): Next {
  switch (retry) {
    case "never":
      return { kind: "stalled" };
    case "after":
      return again(AFTER_MS, attempt, random);
    case "outage":
      return { kind: "again", delayMs: backoffMs(attempt, settings, random), attempt: attempt + 1 };
    case "backoff":
      if (attempt >= settings.attempts) return { kind: "stalled" };
      return { kind: "again", delayMs: backoffMs(attempt, settings, random), attempt: attempt + 1 };
  }
}

function again(ms: number, attempt: number, random: number): Next {
  return { kind: "again", delayMs: Math.round(ms * (0.75 + random / 2)), attempt };
}
