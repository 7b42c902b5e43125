import type { ChartJobView } from "../../core/rotation/chartJob.ts";
import { jsonEquals } from "../../core/json.ts";
import type { SecretValue } from "../../core/secretValue.ts";
import { readAgain } from "../apply.ts";
import { type ChartJob, type Deployed, effective, heldIn, isOnIn, requireDeployed, rotatedPaths } from "./chartJob.ts";

/** Does the database take this value? */
export type TryLogin = (value: SecretValue, signal: AbortSignal) => Promise<"accepted" | "refused">;

/** The two ends of a step: what is to be taken, and what was until then. */
export interface Ends {
  readonly goal: SecretValue;
  readonly other: SecretValue;
}

/** The release and the database at one moment. */
export interface Seen {
  readonly release: Deployed;
  readonly view: ChartJobView;
  /** What the deployed release holds. */
  readonly held: SecretValue | undefined;
}

/** Reads the release and tries logins. TargetUnavailable while another helm is at work on it. */
export async function lookAtJob(
  job: ChartJob,
  login: TryLogin | undefined,
  { goal, other }: Ends,
  hasRun: boolean,
  signal: AbortSignal,
): Promise<Seen> {
  const release = requireDeployed(job, await readAgain(job.ports, job.spec, signal));
  const held = heldIn(release.base, job);
  const accepts = login === undefined ? "untold" : await accepted(login, { goal, held, other }, signal);
  const view = {
    accepts,
    holdsGoal: held?.equals(goal) === true,
    isTorn: isTorn(release, job),
    isOn: isOnIn(release.base, job),
    hasRun,
  };
  return { release, held, view };
}

async function accepted(
  login: TryLogin,
  { goal, held, other }: Ends & { readonly held: SecretValue | undefined },
  signal: AbortSignal,
): Promise<ChartJobView["accepts"]> {
  if ((await login(goal, signal)) === "accepted") return "goal";
  if (held !== undefined && (await login(held, signal)) === "accepted") return "held";
  return (await login(other, signal)) === "accepted" ? "other" : "none";
}

/** A failed revision with the same values has nothing that could be half applied. */
function isTorn({ base, last }: Deployed, job: ChartJob): boolean {
  if (last.revision === base.revision) return false;
  if (isOnIn(last, job) !== isOnIn(base, job)) return true;
  return rotatedPaths(job).some((path) => !jsonEquals(effective(last, path), effective(base, path)));
}
