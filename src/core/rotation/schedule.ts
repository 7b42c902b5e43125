import { nextTime } from "./cron.ts";
import type { RotationPolicy, RotationWindow } from "./policy.ts";

/** What is known of a secret when it is decided upon. */
export interface RotationFacts {
  /** By our own record, or by the store's version time where the policy counts it; undefined: nobody knows. */
  readonly lastRotated: Date | undefined;
  /** A rotation of it has begun and not ended. */
  readonly rotating: boolean;
}

export interface Decision {
  /**
   * `fresh`: not due yet. `due`: it may start now. `waiting`: it is due, and its window is closed. `overdue`: it was due
   * longer ago than the deadline, whether its window is open or not. `unknown`: the store could not be asked.
   */
  readonly state: "fresh" | "due" | "waiting" | "overdue" | "rotating" | "unknown";
  /** Undefined: at once, as nobody knows how old it is; or nothing is known at all. */
  readonly dueAt: Date | undefined;
  /** When it will start: not after now means that it shall. Undefined: it runs already, or nothing is known. */
  readonly nextAt: Date | undefined;
}

/** Later than any date: where a cron expression has no time left. */
const NEVER = new Date(8_640_000_000_000_000);

/**
 * When a secret that was last rotated then is due, jitter included. Days have 24 hours, whatever the clocks do.
 * Undefined where nobody knows when that was: it is due at once.
 */
export function dueAt(policy: RotationPolicy, lastRotated: Date | undefined): Date | undefined {
  if (lastRotated === undefined) return undefined;
  const { every, jitterMs } = policy;
  const due =
    every.kind === "interval"
      ? new Date(lastRotated.getTime() + every.ms)
      : (nextTime(every.cron, every.timezone, lastRotated) ?? NEVER);
  return jitterMs === 0 || due === NEVER ? due : new Date(due.getTime() + jitterOf(policy, due));
}

/** Has it opened less than its duration ago? Of several openings that overlap, any counts. */
export function isOpen(window: RotationWindow, at: Date): boolean {
  return nextOpening(window, at) === at;
}

/** The first time not before `from` at which the window is open: `from` itself where it is. */
export function nextOpening({ cron, timezone, durationMs }: RotationWindow, from: Date): Date | undefined {
  const opening = nextTime(cron, timezone, new Date(from.getTime() - durationMs));
  return opening !== undefined && opening <= from ? from : opening;
}

/** What is to be done about a secret now. Without facts (the store is away) nothing is. */
export function decide(policy: RotationPolicy, facts: RotationFacts | undefined, now: Date): Decision {
  if (facts === undefined) return { state: "unknown", dueAt: undefined, nextAt: undefined };
  const due = dueAt(policy, facts.lastRotated);
  if (facts.rotating) return { state: "rotating", dueAt: due, nextAt: undefined };
  if (due !== undefined && due > now) return fresh(policy, due);
  const nextAt = startOf(policy, now);
  const isOverdue = due !== undefined && now.getTime() - due.getTime() > policy.deadlineMs;
  if (isOverdue) return { state: "overdue", dueAt: due, nextAt };
  return { state: nextAt !== undefined && nextAt <= now ? "due" : "waiting", dueAt: due, nextAt };
}

/** Most policies are fresh most of the time, and only a person asks when they will start: windows are looked at then. */
function fresh(policy: RotationPolicy, due: Date): Decision {
  return {
    state: "fresh",
    dueAt: due,
    get nextAt() {
      return startOf(policy, due);
    },
  };
}

function startOf({ window }: RotationPolicy, from: Date): Date | undefined {
  return window === undefined ? from : nextOpening(window, from);
}

/** The same for one policy and one due date in every process and at every time; evenly spread over all policies. */
function jitterOf({ cluster, namespace, name, jitterMs }: RotationPolicy, due: Date): number {
  return Math.floor(shareOf(`${cluster}/${namespace}/${name} ${due.getTime()}`) * (jitterMs + 1));
}

/** From 0 to just below 1. FNV-1a and the finish of MurmurHash3: no secret is at stake, and it is asked for often. */
function shareOf(text: string): number {
  let mixed = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) mixed = Math.imul(mixed ^ text.charCodeAt(index), 0x01000193);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
}
