import { expect, test } from "vitest";
import type { Outcome } from "../../../src/core/outcome.ts";
import { SilentClusters } from "../../../src/daemon/silentClusters.ts";

const unanswered: Outcome = { kind: "failed", code: "ClusterUnavailable", message: "It does not answer." };
const passes = (outcome: Outcome) => async () => new Map([["subject", outcome]]);

/** A pass that hangs until it is told how it ended. */
function hanging(): { pass: () => Promise<Map<string, Outcome>>; end: (outcome: Outcome) => void } {
  const { promise, resolve } = Promise.withResolvers<Map<string, Outcome>>();
  return { pass: () => promise, end: (outcome) => resolve(new Map([["subject", outcome]])) };
}

test("one pass at a time tries a cluster that answers neither pass nor watch; others go on", async () => {
  let isWatched = true;
  const clusters = new SilentClusters((cluster) => cluster === "here" || isWatched);
  const begun: string[] = [];
  const guard = (cluster: string, pass: () => Promise<Map<string, Outcome>>) =>
    clusters.guard(cluster, async () => {
      begun.push(cluster);
      return await pass();
    });
  await guard("away", passes(unanswered));
  const first = hanging();
  const trying = guard("away", first.pass);
  // A single fault while the watch stands is no outage.
  await guard("away", passes(unanswered));
  isWatched = false;
  expect(await guard("away", passes({ kind: "inSync" }))).toMatchObject({ code: "ClusterUnavailable" });
  expect(await guard("here", passes({ kind: "inSync" }))).toEqual(new Map([["subject", { kind: "inSync" }]]));
  expect(begun).toEqual(["away", "away", "away", "here"]);
  first.end({ kind: "inSync" });
  await trying;
  const second = hanging();
  const again = guard("away", second.pass);
  expect(await guard("away", passes({ kind: "inSync" }))).toBeInstanceOf(Map);
  second.end(unanswered);
  await again;
  expect(begun).toEqual(["away", "away", "away", "here", "away", "away"]);
});
