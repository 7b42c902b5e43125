import { beforeEach, expect, test } from "vitest";
import type { App } from "../../../src/app.ts";
import type { SecretSync } from "../../../src/core/spec.ts";
import type { SubjectSpec } from "../../../src/core/subject.ts";
import { Comparisons } from "../../../src/daemon/comparisons.ts";
import type { Generation } from "../../../src/daemon/generation.ts";
import { HelmwardenError } from "../../../src/errors.ts";
import { recordingLog } from "../../support/silence.ts";

const { signal } = new AbortController();

let begun: string[];
let log: ReturnType<typeof recordingLog>;
let away: (cluster: string) => Promise<never> | undefined;
let comparisons: Comparisons;
beforeEach(() => {
  begun = [];
  log = recordingLog();
  const subjects = new Map<string, SubjectSpec>();
  for (const cluster of ["a", "b"])
    for (const secret of ["one", "two", "three"]) {
      const spec: Partial<SecretSync> = { cluster, namespace: "web", secret, data: [] };
      subjects.set(`${cluster}/Secret/web/${secret}`, { kind: "Secret", spec: spec as SecretSync });
    }
  const statuses = { list: async () => new Map() };
  const app = { portsOf: async (cluster: string) => (await away(cluster)) ?? { cluster: { statuses } } };
  comparisons = new Comparisons({
    generation: () => ({ subjects, stores: new Map(), app: app as unknown as App }) as unknown as Generation,
    rows: { learn: () => undefined },
    watch: { learn: () => undefined },
    rollouts: {
      begin: (name, ids, reason) => void begun.push(`${name} (${reason}): ${ids.length}`),
      worked: () => undefined,
      underWay: () => [],
    },
    news: { mark: (reason) => reason },
    log,
  });
});

const ALL = ["a", "b"].flatMap((cluster) => ["one", "two", "three"].map((name) => `${cluster}/Secret/web/${name}`));

test("a cluster that hangs keeps no other waiting", async () => {
  const hangs = Promise.withResolvers<never>();
  away = (cluster) => (cluster === "a" ? hangs.promise : undefined);
  const all = comparisons.begin("vault web", ALL, "store", signal);
  await expect.poll(() => begun).toEqual(["b vault web (store): 3"]);
  hangs.reject(new HelmwardenError("ClusterUnavailable", "It does not answer."));
  await all;
  // What cannot be compared gets a pass, whose failure is then on record and tried again.
  expect(begun).toEqual(["b vault web (store): 3", "a vault web (store): 3"]);
  expect(log.lines).toEqual([expect.stringMatching(/^warn .*"cluster":"a","code":"ClusterUnavailable"/)]);
});

test("a change that reaches few begins at once, in each cluster its own wave", async () => {
  away = () => Promise.reject(new Error("is not asked"));
  await comparisons.begin("vault web", ["a/Secret/web/one", "b/Secret/web/two"], "store", signal);
  expect(begun).toEqual(["a vault web (store): 1", "b vault web (store): 1"]);
});
