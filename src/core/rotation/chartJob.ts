/**
 * What can be seen before the next step of a rotation by a chart's own Job. The Job logs in with the password in the
 * live Secret, so that it works only where release and database agree.
 */
export interface ChartJobView {
  /**
   * Which value a login proves, asked in this order: the one that is to come (`goal`), what the release holds
   * (`held`), the other end of the rotation (`other`), or none of them. `untold`: the policy has no login.
   */
  readonly accepts: "goal" | "held" | "other" | "none" | "untold";
  /** Does the release, as it is deployed, hold the value that is to come? */
  readonly holdsGoal: boolean;
  /** Has the newest revision failed with other values than the deployed one? Then objects may hold either. */
  readonly isTorn: boolean;
  /** Is the Job switched on in what is deployed? */
  readonly isOn: boolean;
  /** Has this very call had the Job run already? */
  readonly hasRun: boolean;
}

/**
 * `job`: an upgrade to the goal with the Job on. `goal`, `held`, `other`: one that brings this value into the release,
 * with the Job off. `refused`: the Job has not done it, and all is as it was. `person`: nobody can tell what the
 * database takes now.
 */
export type ChartJobStep = "done" | "job" | "goal" | "held" | "other" | "refused" | "person";

/** What is next on the way to one value in database and release, the Job off. The same after a crash at any point. */
export function nextChartJobStep({ accepts, holdsGoal, isTorn, isOn, hasRun }: ChartJobView): ChartJobStep {
  const isClean = !isTorn && !isOn;
  switch (accepts) {
    case "goal":
      return holdsGoal && isClean ? "done" : "goal";
    case "held":
      if (isTorn || (hasRun && isOn)) return "held";
      return hasRun ? "refused" : "job";
    case "other":
      return "other";
    case "none":
      return "person";
    case "untold":
      if (isTorn) return "person";
      if (holdsGoal) return isOn ? "goal" : "done";
      return hasRun ? "person" : "job";
  }
}
