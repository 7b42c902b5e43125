import type { SecretValue } from "../../core/secretValue.ts";
import { HelmwardenError, toHelmwardenError } from "../../errors.ts";
import type { JobState } from "../../ports.ts";
import { type ChartJob, type Deployed, shownOf } from "./chartJob.ts";
import { upgradeWithJob } from "./chartJobUpgrade.ts";
import { type JobHooks, jobHooks, jobsAmong, stayingHooks } from "./jobHooks.ts";

/** What came of an upgrade with the Job: whether it has changed the password, a login tells. */
export interface Ran {
  readonly text: string;
  /** Has the Job ended, so that it cannot change the password later? */
  readonly isOver: boolean;
}

/**
 * The upgrade that has the Job run. TargetRefused: it was not made, as the switch is none, a guard holds it, or hooks
 * of an earlier try are in the way. TargetUnavailable: one of those is still at work.
 */
export async function runJob(job: ChartJob, release: Deployed, goal: SecretValue, signal: AbortSignal): Promise<Ran> {
  const hooks = await jobHooks(job.ports, job.spec, job.path, release.base, signal);
  if (hooks.fault !== undefined) throw new HelmwardenError("TargetRefused", `${shownOf(job)}: ${hooks.fault}.`);
  const obstacle = await obstacleTo(job, hooks, signal);
  if (obstacle !== undefined) throw obstacle;
  try {
    await upgradeWithJob(job, release, goal, true, signal);
  } catch (caught) {
    const { code, message } = toHelmwardenError(caught);
    if (signal.aborted || code === "TargetRefused") throw caught;
    const text = `The upgrade with the Job of the chart failed. ${message}`;
    const state = await stateOf(job, jobsAmong(hooks), signal);
    return { text: state === "absent" ? text : `${text} ${leftText(job, hooks)}`, isOver: state !== "running" };
  }
  const text = `The Job of the chart (${hooks.names.join(", ")}) has ended, and has not changed the password.`;
  return { text, isOver: true };
}

/** Hooks of an earlier try that helm would stumble over; undefined: there are none. */
export async function obstacleTo(
  job: ChartJob,
  hooks: JobHooks,
  signal: AbortSignal,
): Promise<HelmwardenError | undefined> {
  const { ports, spec } = job;
  const jobs = await stateOf(job, stayingHooks(hooks, "Job"), signal);
  if (jobs === "running")
    return new HelmwardenError("TargetUnavailable", `The Job of an earlier try still runs. ${leftText(job, hooks)}`);
  const secrets = await Promise.all(
    stayingHooks(hooks, "Secret").map((name) => ports.cluster.secrets.get(spec.key.namespace, name, signal)),
  );
  if (jobs === "absent" && secrets.every((one) => one === undefined)) return undefined;
  return new HelmwardenError("TargetRefused", leftText(job, hooks));
}

/** Of several Jobs, what the liveliest does. */
async function stateOf({ ports, spec }: ChartJob, names: readonly string[], signal: AbortSignal): Promise<JobState> {
  const { workloads } = ports.cluster;
  const states = await Promise.all(names.map((name) => workloads.jobState(spec.key.namespace, name, signal)));
  return (["running", "ended"] as const).find((state) => states.includes(state)) ?? "absent";
}

function leftText({ spec }: ChartJob, { names }: JobHooks): string {
  return `What is left of a Job (${names.join(", ")} in ${spec.key.namespace}) keeps helm from making it again: once it has ended, read its log, and delete it.`;
}
