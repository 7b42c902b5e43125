import { beforeEach, expect, test } from "vitest";
import type { Outcome } from "../../../src/core/outcome.ts";
import { Rollouts } from "../../../src/daemon/rollouts.ts";
import { recordingLog } from "../../support/silence.ts";

const NAMES = ["a", "b", "c", "d", "e"];

let sent: string[];
let log: ReturnType<typeof recordingLog>;
let rollouts: Rollouts;
beforeEach(() => {
  sent = [];
  log = recordingLog();
  const settings = { canary: 1, maxUnavailable: { kind: "count" as const, count: 2 } };
  rollouts = new Rollouts(
    () => settings,
    (subjects, reason) => void sent.push(`${subjects.join("+")} ${reason}`),
    log,
  );
});

test("the canary, then two at a time, as each place becomes free", () => {
  rollouts.begin("vault a", NAMES, "store");
  expect(rollouts.waiting()).toEqual(["b", "c", "d", "e"]);
  for (const name of ["a", "c", "b"]) rollouts.worked(name, "changed", false);
  expect(sent).toEqual(["a store", "b+c store", "d store", "e store"]);
  rollouts.worked("d", "inSync", false);
  rollouts.worked("e", "adopted", false);
  expect([rollouts.waiting(), rollouts.underWay()]).toEqual([[], []]);
});

test.each<Outcome["kind"]>(["restored", "failed", "ineffective"])(
  "a canary that is %s holds the rest, said once",
  (bad) => {
    rollouts.begin("vault a", NAMES, "store");
    rollouts.worked("a", bad, true);
    rollouts.worked("a", bad, false);
    expect(sent).toEqual(["a store"]);
    expect(log.lines).toEqual([expect.stringMatching(/^warn a rollout is held.*"waiting":4/)]);
    // It is looked at further: it may come through, here or in another process.
    expect(rollouts.underWay()).toEqual(["a"]);
    rollouts.worked("a", "inSync", false);
    expect(sent).toEqual(["a store", "b+c store"]);
  },
);

test.each<Outcome["kind"]>(["held", "drifted"])(
  "a canary that is %s proves nothing: the next takes its place",
  (kind) => {
    rollouts.begin("vault a", NAMES, "store");
    rollouts.worked("a", kind, false);
    rollouts.worked("b", "changed", false);
    expect(sent).toEqual(["a store", "b store", "c+d store"]);
  },
);

test("one that waits for somebody's lock keeps its place", () => {
  rollouts.begin("vault a", NAMES, "store");
  rollouts.worked("a", "held", true);
  expect(sent).toEqual(["a store"]);
});

test("the same change moves again: its wave begins anew", () => {
  rollouts.begin("vault a", NAMES, "store");
  rollouts.worked("a", "restored", false);
  rollouts.begin("vault a", NAMES, "store");
  expect(sent).toEqual(["a store", "a store"]);
  rollouts.worked("a", "changed", false);
  expect(sent.at(-1)).toBe("b+c store");
});

test("waves of different changes do not wait for each other", () => {
  rollouts.begin("vault a", NAMES, "store");
  rollouts.worked("a", "restored", false);
  rollouts.begin("vault b", ["e", "d"], "store");
  rollouts.worked("e", "changed", false);
  expect(sent).toEqual(["a store", "e store", "d store"]);
  rollouts.clear();
  expect([rollouts.waiting(), rollouts.underWay()]).toEqual([[], []]);
});
