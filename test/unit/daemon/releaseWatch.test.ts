import { expect, test } from "vitest";
import type { ReleaseSync, SecretSync } from "../../../src/core/spec.ts";
import type { StatusRecord } from "../../../src/core/statusRecord.ts";
import type { SubjectSpec } from "../../../src/core/subject.ts";
import type { Generation } from "../../../src/daemon/generation.ts";
import { ReleaseWatch } from "../../../src/daemon/releaseWatch.ts";
import { HelmwardenError } from "../../../src/errors.ts";
import type { SecretEvent, WatchSecrets } from "../../../src/ports.ts";
import { manualClock } from "../../support/clock.ts";
import { recordingLog } from "../../support/silence.ts";

const watchSecrets: WatchSecrets = () => ({
  done: Promise.resolve(),
  state: () => ({ ageMs: 1, healthy: true }),
});

test("a Secret that moves before it is known who feeds it is told as soon as that is learned, once", async () => {
  const moved: string[] = [];
  const tellers: ((event: SecretEvent) => void)[] = [];
  const watching: WatchSecrets = (query, onEvent) => {
    if (query.fieldSelector !== undefined) tellers.push(onEvent);
    return watchSecrets(query, onEvent, new AbortController().signal);
  };
  const spec = { key: { cluster: "near", namespace: "web", name: "shop" }, values: [] } as unknown as ReleaseSync;
  const subjects = new Map([["near/Release/web/shop", { kind: "Release", spec } as const]]);
  const watch = new ReleaseWatch((subject, reason) => void moved.push(`${subject} ${reason}`));
  const app = { cluster: async () => ({ watchSecrets: watching }) };
  const deps = { clock: manualClock(), log: recordingLog() };
  watch.follow({ app, subjects } as unknown as Generation, deps, new AbortController().signal);
  const reach = { object: "Secret/login", field: "token", kind: "secret" };
  const record = { xray: { paths: [{ reaches: [reach] }] } } as unknown as StatusRecord;
  await deps.clock.advance(0);
  tellers[0]!({ kind: "changed", namespace: "web", name: "login", resourceVersion: "7", labels: {} });
  expect(moved).toEqual([]);
  watch.learn("near/Release/web/shop", record);
  watch.learn("near/Release/web/shop", record);
  expect(moved).toEqual(["near/Release/web/shop live"]);
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
