import * as z from "zod";

const time = () => z.iso.datetime();

const store = z.object({
  name: z.string(),
  /** That somebody reads. */
  paths: z.int(),
  /** Milliseconds since the oldest of its readings; absent before all paths were read once. */
  ageMs: z.number().optional(),
  state: z.enum(["ok", "failing", "suspicious", "open"]),
  callsPerMinute: z.number(),
  /** Of calls per minute; absent: none is set. */
  budget: z.int().optional(),
  /** Does its stream of events stand? Absent: it is not asked for one. */
  eventsConnected: z.boolean().optional(),
  /** When a given token ends that is not renewed any more. */
  tokenEndsAt: time().optional(),
  /** When the certificate ends that the server showed last. */
  certificateEndsAt: time().optional(),
});

const subject = z.object({
  /** `cluster/Kind/namespace/name`. */
  subject: z.string(),
  /** `Outcome["kind"]` of the last pass, "stalled", or "waiting" before the first. */
  outcome: z.string(),
  /** Reasons of a hold, separated by blanks, or code of a fault. */
  reason: z.string().optional(),
  revision: z.int().optional(),
  /** When the last pass ended. */
  at: time().optional(),
  nextTryAt: time().optional(),
  /** Failed tries at the same wanted values. */
  attempts: z.int(),
});

/** What `/v1/status` answers: names, counts and times, never a value. */
export const statusPage = z.object({
  version: z.string(),
  startedAt: time(),
  stores: z.array(store),
  subjects: z.array(subject),
  queue: z.object({ waiting: z.int(), delayed: z.int(), running: z.int() }),
  /** `cluster` is its name, and what is watched there. */
  watches: z.array(z.object({ cluster: z.string(), ageMs: z.number(), healthy: z.boolean() })),
});

/** The fields of the page as the daemon fills them and the command line reads them. */
export type StatusPage = z.output<typeof statusPage>;
