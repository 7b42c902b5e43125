import { formatValuePath } from "../../core/valuePath.ts";
import type { CheckLine } from "../../ports.ts";
import { readAgain } from "../apply.ts";
import { type ChartJob, heldIn, requireDeployed } from "./chartJob.ts";
import { obstacleTo } from "./chartJobRun.ts";
import type { TryLogin } from "./chartJobView.ts";
import { jobHooks } from "./jobHooks.ts";

/** Is the release there, does the switch add a Job, is nothing in its way, and is the user let in? Writes nothing. */
export async function checkChartJob(
  job: ChartJob,
  login: TryLogin | undefined,
  signal: AbortSignal,
): Promise<CheckLine> {
  const { namespace, name } = job.spec.key;
  const subject = `release ${namespace}/${name}`;
  const { base } = requireDeployed(job, await readAgain(job.ports, job.spec, signal));
  const hooks = await jobHooks(job.ports, job.spec, job.path, base, signal);
  if (hooks.fault !== undefined)
    return { subject, ok: false, message: `${subject} has no such Job`, advice: `${hooks.fault}.` };
  const obstacle = await obstacleTo(job, hooks, signal);
  if (obstacle !== undefined)
    return { subject, ok: false, message: "an earlier Job is in the way", advice: obstacle.message };
  const found = `${subject}: \`${formatValuePath(job.path)}\` adds ${hooks.names.join(", ")}`;
  if (login === undefined) return { subject, ok: true, message: `${found}; no login proves what it does` };
  const held = heldIn(base, job);
  if (held !== undefined && (await login(held, signal)) === "accepted")
    return { subject, ok: true, message: `${found}; the user is let in` };
  const advice = "Correct `login`, or bring release and database in step.";
  return { subject, ok: false, message: `${found}; the user is not let in with what the release holds`, advice };
}
