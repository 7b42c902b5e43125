import { describe, expect, test } from "vitest";
import { type ChartJobStep, type ChartJobView, nextChartJobStep } from "../../../../src/core/rotation/chartJob.ts";

const VIEW: ChartJobView = { accepts: "held", holdsGoal: false, isTorn: false, isOn: false, hasRun: false };

test.each<[string, Partial<ChartJobView>, ChartJobStep]>([
  ["all agree on the old value", {}, "job"],
  ["the same, and the Job was left on", { isOn: true }, "job"],
  ["a failed revision before", { isTorn: true }, "held"],
  ["the Job failed, and left a failed revision", { isTorn: true, hasRun: true }, "held"],
  ["that has been put right", { hasRun: true }, "refused"],
  ["the Job is on, and has not done it", { isOn: true, hasRun: true }, "held"],
  ["all have the new value", { accepts: "goal", holdsGoal: true }, "done"],
  ["killed between the two upgrades", { accepts: "goal", holdsGoal: true, isOn: true }, "goal"],
  ["switching off failed", { accepts: "goal", holdsGoal: true, isOn: true, isTorn: true }, "goal"],
  ["killed once the Job had run", { accepts: "goal" }, "goal"],
  ["the upgrade failed once the Job had run", { accepts: "goal", isTorn: true, hasRun: true }, "goal"],
  ["the release has the new value, the database the old", { accepts: "other", holdsGoal: true }, "other"],
  ["the Job did nothing", { accepts: "other", holdsGoal: true, isOn: true, hasRun: true }, "other"],
  ["the database takes nothing that we know", { accepts: "none" }, "person"],
  ["without a login: nothing done yet", { accepts: "untold" }, "job"],
  ["without a login: deployed", { accepts: "untold", holdsGoal: true, isOn: true, hasRun: true }, "goal"],
  ["without a login: all done", { accepts: "untold", holdsGoal: true }, "done"],
  ["without a login: a failed revision", { accepts: "untold", isTorn: true, hasRun: true }, "person"],
  ["without a login: the Job was asked for, and nothing is deployed", { accepts: "untold", hasRun: true }, "person"],
])("%s", (_what, view, step) => {
  expect(nextChartJobStep({ ...VIEW, ...view })).toBe(step);
});

interface World {
  database: "goal" | "other" | "third";
  base: "goal" | "other" | "third";
  torn: boolean;
  on: boolean;
}
type Fate = "works" | "fails" | "does nothing" | "works, then the upgrade fails";

const FATES: readonly Fate[] = ["works", "fails", "does nothing", "works, then the upgrade fails"];
const WORLDS = (["goal", "other", "third"] as const).flatMap((database) =>
  (["goal", "other", "third"] as const).flatMap((base) =>
    [true, false].flatMap((torn) => [true, false].map((on): World => ({ database, base, torn, on }))),
  ),
);

/** The Job logs in with what the live Secret holds: that of the deployed revision, where no failed one came after it. */
function runJob(world: World, fate: Fate): void {
  const letIn = !world.torn && world.base === world.database;
  const hasWorked = fate.startsWith("works") && letIn;
  if (hasWorked) world.database = "goal";
  if (fate === "does nothing" || (fate === "works" && hasWorked)) Object.assign(world, { base: "goal", on: true });
  else world.torn = true;
}

function accepted({ database, base }: World, other: World["base"]): ChartJobView["accepts"] {
  if (database === "goal") return "goal";
  if (database === base) return "held";
  return database === other ? "other" : "none";
}

/** As far as it goes, and whether the Job was ever asked for where it could not log in. */
function walk(world: World, fate: Fate): { end: ChartJobStep | undefined; runs: number; ranInVain: boolean } {
  let runs = 0;
  let ranInVain = false;
  let other: World["base"] = "other";
  for (let steps = 0; steps < 5; steps += 1) {
    const { base, torn, on } = world;
    const view = { holdsGoal: base === "goal", isTorn: torn, isOn: on, hasRun: runs > 0 };
    const step = nextChartJobStep({ ...view, accepts: accepted(world, other) });
    if (step === "job") {
      ranInVain ||= torn || base !== world.database;
      runs += 1;
      other = base;
      runJob(world, fate);
    } else if (step === "goal" || step === "other")
      Object.assign(world, { base: step === "goal" ? step : other, torn: false, on: false });
    else if (step === "held") Object.assign(world, { torn: false, on: false });
    else return { end: step, runs, ranInVain };
  }
  return { end: undefined, runs, ranInVain };
}

const known = (world: World): boolean => accepted(world, "other") !== "none";

describe.each(FATES)("a Job that %s", (fate) => {
  test.each(WORLDS.filter(known))(
    "from $database in the database and $base (torn $torn, on $on) in the release",
    (start) => {
      const world = { ...start };
      const { end, runs, ranInVain } = walk(world, fate);
      expect({ ranInVain, runs: Math.max(runs, 1) }).toEqual({ ranInVain: false, runs: 1 });
      const { database } = world;
      expect(world).toEqual({ database, base: database, torn: false, on: false });
      expect(end).toBe(database === "goal" ? "done" : "refused");
    },
  );
});

test.each(WORLDS.filter((world) => !known(world)))("nobody knows what the database takes: %j", (start) => {
  const world = { ...start };
  expect(walk(world, "works")).toEqual({ end: "person", runs: 0, ranInVain: false });
  expect(world).toEqual(start);
});
