import { expect, test } from "vitest";
import type { SecretSync } from "../../../src/core/spec.ts";
import type { SubjectSpec } from "../../../src/core/subject.ts";
import type { Generation } from "../../../src/daemon/generation.ts";
import { ReleaseWatch } from "../../../src/daemon/releaseWatch.ts";
import { HelmwardenError } from "../../../src/errors.ts";
import type { WatchSecrets } from "../../../src/ports.ts";
import { manualClock } from "../../support/clock.ts";
import { recordingLog } from "../../support/silence.ts";

const watchSecrets: WatchSecrets = () => ({
  done: Promise.resolve(),
  state: () => ({ ageMs: 1, healthy: true }),
});

test("a cluster that the kubeconfig lacks is said once, keeps no other from being watched, and is looked for again", async () => {
  const clock = manualClock();
  const log = recordingLog();
  const end = new AbortController();
  let isThere = false;
  const app = {
    cluster: async (name: string) => {
      if (name === "far" && !isThere) throw new HelmwardenError("ConfigInvalid", "The kubeconfig has no such context.");
      return { watchSecrets };
    },
  };
  const subjects = new Map<string, SubjectSpec>();
  for (const cluster of ["near", "far"]) {
    const spec: Partial<SecretSync> = { cluster, namespace: "web", secret: "login", data: [] };
    subjects.set(`${cluster}/Secret/web/login`, { kind: "Secret", spec: spec as SecretSync });
  }
  const watch = new ReleaseWatch(() => undefined);
  watch.follow({ app, subjects } as unknown as Generation, { clock, log }, end.signal);
  await clock.advance(0);
  expect([watch.isHealthy("near"), watch.isHealthy("far")]).toEqual([true, false]);
  await clock.advance(60_000);
  expect(log.lines).toEqual([expect.stringMatching(/^error .*"cluster":"far","code":"ConfigInvalid"/)]);
  isThere = true;
  await clock.advance(15_000);
  expect(watch.isHealthy("far")).toBe(true);
  end.abort();
  await watch.ended();
});
