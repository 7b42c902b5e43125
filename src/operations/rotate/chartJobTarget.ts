import { nextChartJobStep } from "../../core/rotation/chartJob.ts";
import { HelmwardenError } from "../../errors.ts";
import type { ReleaseReading, RotationTarget } from "../../ports.ts";
import { readAgain } from "../apply.ts";
import { releaseSubject } from "../record.ts";
import { isDead, recoverDead } from "../recover.ts";
import { underLease } from "../underLease.ts";
import { type ChartJob, heldIn, isOnIn, requireDeployed, shownOf } from "./chartJob.ts";
import { checkChartJob } from "./chartJobCheck.ts";
import { type Ran, runJob } from "./chartJobRun.ts";
import { upgradeWithJob } from "./chartJobUpgrade.ts";
import { type Ends, lookAtJob, type TryLogin } from "./chartJobView.ts";

/** At most: what is torn put right, the Job, what it left put right, and a last look. */
const MOST_STEPS = 5;

/**
 * The chart of a database as the target: a Job of its own changes the password before the upgrade that brings the new
 * one, and a second upgrade switches it off again. Each call goes by what release and database say now, under the
 * release's Lease. Without a `login` nothing is ever refused, only unavailable: the value could work already.
 */
export function chartJobTarget(job: ChartJob, login: TryLogin | undefined): RotationTarget {
  const reach = async (ends: Ends, signal: AbortSignal): Promise<void> =>
    await alone(job, signal, async (held) => {
      try {
        await bring(job, login, ends, held);
      } catch (caught) {
        const isRefusal = caught instanceof HelmwardenError && caught.code === "TargetRefused";
        throw isRefusal && login === undefined ? unavailable(caught.message) : caught;
      }
    });
  return {
    keepsOld: false,
    async test({ value }, signal) {
      if (login !== undefined) return await login(value, signal);
      const { view } = await lookAtJob(job, undefined, { goal: value, other: value }, false, signal);
      if (view.isTorn) throw unavailable(personText(job));
      return view.holdsGoal ? "accepted" : "refused";
    },
    async leftUndone({ current, next }, signal) {
      if (isDead(job.ports, job.spec, await readingOf(job, signal))) return true;
      const { view } = await lookAtJob(job, login, { goal: next.value, other: current.value }, false, signal);
      return nextChartJobStep(view) !== "done";
    },
    set: async ({ current, next }, signal) => await reach({ goal: next.value, other: current.value }, signal),
    undo: async ({ current, next }, signal) => await reach({ goal: current.value, other: next.value }, signal),
    retire: async (_change, signal) => await alone(job, signal, async (held) => await switchOff(job, held)),
    check: async (signal) => await checkChartJob(job, login, signal),
    close: () => Promise.resolve(),
  };
}

/** Step by step, each from a new look. */
async function bring(job: ChartJob, login: TryLogin | undefined, ends: Ends, signal: AbortSignal): Promise<void> {
  let ran: Ran | undefined;
  let { other } = ends;
  for (let count = 0; count < MOST_STEPS; count += 1) {
    await unlockDead(job, signal);
    const seen = await lookAtJob(job, login, { goal: ends.goal, other }, ran !== undefined, signal);
    const { release, held = other } = seen;
    const step = nextChartJobStep(seen.view);
    switch (step) {
      case "done":
        return;
      case "job":
        // What the database took until then may be neither end: a person has changed the secret meanwhile.
        other = held;
        ran = await runJob(job, release, ends.goal, signal);
        break;
      case "goal":
      case "held":
      case "other":
        await upgradeWithJob(job, release, { goal: ends.goal, held, other }[step], false, signal);
        break;
      case "refused":
        throw refusedBy(ran);
      case "person":
        throw unavailable(ran === undefined ? personText(job) : `${ran.text} ${personText(job)}`);
    }
  }
  throw unavailable(`${shownOf(job)} keeps changing while the password is rotated. It goes on at the next try.`);
}

async function switchOff(job: ChartJob, signal: AbortSignal): Promise<void> {
  await unlockDead(job, signal);
  const release = requireDeployed(job, await readAgain(job.ports, job.spec, signal));
  const value = heldIn(release.base, job);
  if (value !== undefined && isOnIn(release.base, job)) await upgradeWithJob(job, release, value, false, signal);
}

/** Under the release's Lease, which is given back before the pass over the release takes it. */
async function alone(job: ChartJob, signal: AbortSignal, work: (held: AbortSignal) => Promise<void>): Promise<void> {
  const done = await underLease(job.ports, releaseSubject(job.spec), work, signal);
  if (done?.kind === "held") throw unavailable(`${shownOf(job)}: ${done.holds[0]?.message ?? "it is locked."}`);
}

/** We hold the Lease, and none of our own helms runs: what one of them left locked is free again. */
async function unlockDead(job: ChartJob, signal: AbortSignal): Promise<void> {
  await recoverDead(job.ports, job.spec, await readingOf(job, signal), signal);
}

async function readingOf({ ports, spec }: ChartJob, signal: AbortSignal): Promise<ReleaseReading> {
  return await ports.releases.read(spec.key, signal);
}

function personText({ spec, policy }: ChartJob): string {
  const { namespace, name } = spec.key;
  return `Nobody can tell which password the database of ${namespace}/${name} takes now: look there. The new one lies in the key ${policy.secret.key}__ROTATION beside the old one. Set the old one there, \`helm rollback\` the release to its last good revision, and rotate again.`;
}

/** A Job that has not ended could still do it: then the new value is not to be forgotten. */
function refusedBy(ran: Ran | undefined): HelmwardenError {
  if (ran?.isOver === false)
    return unavailable(
      `${ran.text} It may still run: the new value stays in the store beside the old one, and the rotation goes on at the next try.`,
    );
  return new HelmwardenError("TargetRefused", ran?.text ?? "The Job of the chart has not changed the password.");
}

function unavailable(message: string): HelmwardenError {
  return new HelmwardenError("TargetUnavailable", message);
}
