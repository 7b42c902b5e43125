import type { Outcome } from "../core/outcome.ts";
import { nextAfter } from "../core/retry.ts";
import { clusterOf, type SubjectId, subjectIdOf, subjectRefs, type SubjectSpec } from "../core/subject.ts";
import { RETRY, toHelmwardenError } from "../errors.ts";
import { emitOutcome } from "../operations/emitOutcome.ts";
import { noteOutcome } from "../operations/noteOutcome.ts";
import { subjectOf } from "../operations/reconcileSubject.ts";
import type { Clock, Job, Log } from "../ports.ts";
import type { Generation } from "./generation.ts";
import { passUnderLeases } from "./passUnderLeases.ts";
import { SilentClusters } from "./silentClusters.ts";

/** What came of one job, for whoever keeps count. */
export interface Worked {
  readonly subject: SubjectId;
  readonly outcome: Outcome;
  readonly seconds: number;
  readonly attempt: number;
  /** Tried again in so many milliseconds; undefined: not by itself. */
  readonly againMs: number | undefined;
  readonly stalled: boolean;
}

export interface WorkerDeps {
  readonly generation: () => Generation;
  readonly enqueue: (subject: SubjectId, reason: string, delayMs: number) => void;
  readonly onWorked: (worked: Worked) => void;
  readonly onLease: (change: 1 | -1) => void;
  /** May what this process has read of the path be older than a job with this reason? */
  readonly isNew: (reason: string, store: string, path: string) => boolean;
  /** Does the cluster's watch stand? */
  readonly isWatched: (cluster: string) => boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
}

/** A job of which the subject is being worked on elsewhere comes back after this. */
const TAKEN_MS = 5_000;

/** Does one job: lease, pass, record, and what is next. Never rejects. */
export function createWorker(deps: WorkerDeps): (job: Job, signal: AbortSignal) => Promise<void> {
  const told = new Map<SubjectId, string>();
  const clusters = new SilentClusters(deps.isWatched);
  return async (job, signal) => {
    const generation = deps.generation();
    const subject = generation.subjects.get(job.subject);
    if (subject === undefined) return;
    const leave = generation.enter();
    for (const { store, path } of subjectRefs(subject))
      if (deps.isNew(job.reason, store, path)) generation.stores.get(store)?.outdate(path);
    try {
      const start = deps.clock.monotonic();
      const outcomes = await clusters.guard(clusterOf(subject), () =>
        passUnderLeases(generation, subject, deps.onLease, signal),
      );
      if (outcomes === "taken") return deps.enqueue(job.subject, job.reason, TAKEN_MS);
      const seconds = (deps.clock.monotonic() - start) / 1000;
      for (const [one, outcome] of "kind" in outcomes ? new Map([[subject, outcomes]]) : outcomes) {
        const own = { subject: subjectIdOf(one), reason: job.reason };
        const stalled = follow(deps, generation, own, outcome, seconds, signal);
        await tell(deps, generation, told, own, one, outcome, stalled, signal);
      }
    } finally {
      leave();
    }
  };
}

/** Counts it, and sends it again where it is to be; says whether it is not tried again by itself. */
function follow(
  deps: WorkerDeps,
  { config }: Generation,
  { subject, reason }: Job,
  outcome: Outcome,
  seconds: number,
  signal: AbortSignal,
): boolean {
  const word = retryWord(outcome);
  const attempt = attemptOf(reason, word);
  const next = nextAfter(outcome, attempt, config.program.retry, deps.random());
  if (next.kind === "again" && !signal.aborted) deps.enqueue(subject, `${word} ${next.attempt}`, next.delayMs);
  const againMs = next.kind === "again" ? next.delayMs : undefined;
  const stalled = next.kind === "stalled";
  deps.onWorked({ subject, outcome, seconds, attempt, againMs, stalled });
  return stalled;
}

/** One log line and one Event for what was done; for what was not, not again while it is the same. */
async function tell(
  { log }: WorkerDeps,
  { app }: Generation,
  told: Map<SubjectId, string>,
  job: Job,
  subject: SubjectSpec,
  outcome: Outcome,
  stalled: boolean,
  signal: AbortSignal,
): Promise<void> {
  const news = JSON.stringify([outcome, stalled]);
  if (outcome.kind === "inSync") {
    told.delete(job.subject);
    return;
  }
  const isDone = outcome.kind === "changed" || outcome.kind === "adopted" || outcome.kind === "corrected";
  if (!isDone && told.get(job.subject) === news) return;
  told.set(job.subject, news);
  const fields = { run: app.run, subject: job.subject, reason: job.reason, outcome: outcome.kind, ...factsOf(outcome) };
  if (isDone) log.info("pass", fields);
  else log.warn("pass", fields);
  try {
    const ports = await app.portsOf(clusterOf(subject));
    await noteOutcome(ports, subjectOf(subject), outcome, signal, stalled);
    await emitOutcome(ports, subjectOf(subject), outcome, signal);
  } catch (caught) {
    log.debug("the outcome could not be put on record", { subject: job.subject, code: toHelmwardenError(caught).code });
  }
}

function factsOf(outcome: Outcome): Readonly<Record<string, string | number>> {
  switch (outcome.kind) {
    case "changed":
      return { revision: outcome.revision, paths: outcome.changes.map(({ path }) => path).join(" ") };
    case "held":
      return { holds: outcome.holds.map(({ reason, where }) => `${reason}:${where}`).join(" ") };
    case "failed":
      return { code: outcome.code, advice: outcome.message };
    case "restored":
    case "ineffective":
      return { advice: outcome.reason };
    default:
      return {};
  }
}

/** The attempt travels in the reason, so that a job is a subject and a reason and nothing else. */
function retryWord(outcome: Outcome): "outage" | "retry" {
  return outcome.kind === "failed" && RETRY[outcome.code] === "outage" ? "outage" : "retry";
}

/** Any other reason is news: the count begins again, as it does after an outage. */
function attemptOf(reason: string, wanted: ReturnType<typeof retryWord>): number {
  const [word, count] = reason.split(" ");
  return word === wanted ? Number(count) || 1 : 1;
}
