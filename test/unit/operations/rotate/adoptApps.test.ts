// Where the value lies decides how it is counted who still uses the old one; what is not seen is not taken for nobody.
import { expect, test } from "vitest";
import type { JsonObject } from "../../../../src/core/json.ts";
import { type Credential, NEVER_ROTATED, type RotationAttempt } from "../../../../src/core/rotation/state.ts";
import { Sealed, SecretValue } from "../../../../src/core/secretValue.ts";
import type { SubjectSpec } from "../../../../src/core/subject.ts";
import { parseValuePath } from "../../../../src/core/valuePath.ts";
import type { Reach } from "../../../../src/core/xray.ts";
import { adoptApps } from "../../../../src/operations/rotate/adoptApps.ts";
import type { ReleasePorts } from "../../../../src/operations/releasePorts.ts";
import type { PodReading } from "../../../../src/ports.ts";
import { canary } from "../../../support/canary.ts";
import { openModel } from "./model.ts";

const { signal } = new AbortController();
/** The model's clock stands here. */
const NOW = new Date("2026-11-23T00:00:00Z");
const before = (seconds: number): Date => new Date(NOW.getTime() - seconds * 1000);
const [OLD, NEXT] = [canary("old"), canary("next")];

interface App {
  /** As the X-ray saw them; undefined: there is no record. */
  readonly reaches: readonly Reach[] | undefined;
  readonly objects?: readonly JsonObject[];
  /** By kind. */
  readonly writtenAt?: Readonly<Record<string, Date | undefined>>;
  readonly pods: readonly PodReading[];
  /** What the database lets in; both unless told otherwise. */
  readonly passwords?: readonly string[];
}

function reach(object: string, field: string, kind: Reach["kind"], form: Reach["form"] = "whole"): Reach {
  return { object, field, kind, form, readers: [] };
}

function pod(name: string, spec: object, startedAt: Date | undefined): PodReading {
  return { namespace: "web", name, spec: new Sealed(spec as JsonObject), createdAt: startedAt ?? NOW, startedAt };
}

const env = (from: object): object => ({ containers: [{ env: [{ name: "P", ...from }] }] });
const byConfigMap = env({ valueFrom: { configMapKeyRef: { name: "app", key: "url" } } });
const bySecret = env({ valueFrom: { secretKeyRef: { name: "app", key: "password" } } });

function credential(text: string): Credential {
  return { value: SecretValue.fromText(text), user: "app", id: undefined, beside: new Map() };
}

/** One release whose value the policy rotates: finished, and not adopted yet. */
async function adopt({ reaches, objects = [], writtenAt = {}, pods, passwords = [OLD, NEXT] }: App) {
  const model = openModel("dual", NEXT);
  const path = parseValuePath("db.password");
  const source = { kind: "ref", ref: model.policy.secret } as const;
  const key = { cluster: "default", namespace: "web", name: "app" };
  const dependent = { kind: "Release", spec: { key, values: [{ path, source }] } } as unknown as SubjectSpec;
  const data = new Map([["password", SecretValue.fromText(NEXT)]]);
  const xray = reaches && { paths: [{ path: "db.password", reaches }] };
  const own = {
    cluster: {
      statuses: { get: () => Promise.resolve({ xray }) },
      secrets: { get: () => Promise.resolve({ data, writtenAt: writtenAt["Secret"] }) },
      configMapWrittenAt: () => Promise.resolve(writtenAt["ConfigMap"]),
      workloads: { pods: () => Promise.resolve(pods) },
    },
    releases: {
      read: () => Promise.resolve({ kind: "found", release: { last: { objects: () => new Sealed(objects) } } }),
    },
  } as unknown as ReleasePorts;
  const attempt: RotationAttempt = {
    rotation: "r",
    step: "finished",
    reason: "test",
    startedAt: before(60),
    finishedAt: before(50),
    adoptFrom: undefined,
    old: credential(OLD),
    next: credential(NEXT),
  };
  model.database.users.set("app", new Set(passwords));
  const secret = {
    value: SecretValue.fromText(NEXT),
    user: "app",
    state: { ...NEVER_ROTATED, attempt },
    present: new Map([["PASSWORD", SecretValue.fromText(NEXT)]]),
    updatedAt: undefined,
  };
  const rotating = {
    ports: { ...model.ports, dependents: [dependent], portsOf: () => Promise.resolve(own) },
    policy: model.policy,
    writer: model.store.store.writer!,
    asked: false,
    read: () =>
      Promise.resolve({
        ...secret,
        present: new Map([...model.store.keys].map(([name, text]) => [name, SecretValue.fromText(text)])),
      }),
    signal,
  };
  const outcome = await adoptApps(rotating, { secret, attempt }, "");
  return { outcome, oldWorks: model.database.takes({ user: "app", value: SecretValue.fromText(OLD) }) };
}

const WAITS = {
  outcome: { kind: "waiting", message: expect.stringContaining("0 of 1 pods") as string },
  oldWorks: true,
};
const GOES = { outcome: { kind: "rotated" }, oldWorks: false };
const inConfigMap = reach("ConfigMap/app", "url", "config");
const inSecret = reach("Secret/app", "password", "secret");
const inDeployment = reach("Deployment/app", "spec.template.spec.containers.0.env.0.value", "pod");
const inResource = reach("Database/app", "spec.password", "other");

test.each<[string, App, object]>([
  [
    "a ConfigMap, and a pod that started before it was written",
    { reaches: [inConfigMap], writtenAt: { ConfigMap: before(40) }, pods: [pod("app", byConfigMap, before(100))] },
    WAITS,
  ],
  [
    "a ConfigMap, and a pod that started after it was written",
    { reaches: [inConfigMap], writtenAt: { ConfigMap: before(40) }, pods: [pod("app", byConfigMap, before(20))] },
    GOES,
  ],
  [
    "a ConfigMap that does not say when it was written",
    { reaches: [inConfigMap], pods: [pod("app", byConfigMap, before(1))] },
    WAITS,
  ],
  [
    "a Secret that does not say when it was written",
    { reaches: [inSecret], pods: [pod("app", bySecret, before(1))] },
    WAITS,
  ],
  [
    "a Secret, and the pod of a job that began before",
    {
      reaches: [inSecret],
      writtenAt: { Secret: before(40) },
      pods: [pod("backup-29400-x7k2p", bySecret, before(100))],
    },
    WAITS,
  ],
  [
    "a Deployment itself, and a pod of before",
    { reaches: [inDeployment], pods: [pod("app", env({ value: OLD }), before(1))] },
    WAITS,
  ],
  [
    "a Deployment itself, and a pod of after",
    { reaches: [inDeployment], pods: [pod("app", env({ value: NEXT }), before(1))] },
    GOES,
  ],
  [
    "somebody's resource, whose operator put it into a pod",
    { reaches: [inResource], pods: [pod("app", env({ value: `db://${OLD}@h` }), before(1))] },
    WAITS,
  ],
  [
    "nobody knows where, and a pod that reads a Secret of the release",
    {
      reaches: undefined,
      objects: [{ kind: "Secret", metadata: { name: "app" }, data: { password: "" } }],
      writtenAt: { Secret: before(40) },
      pods: [pod("app", bySecret, before(100))],
    },
    WAITS,
  ],
  [
    "nobody knows where, and a pod that holds it",
    { reaches: [], pods: [pod("app", env({ value: OLD }), before(1))] },
    WAITS,
  ],
  ["nowhere that a pod reads", { reaches: [inSecret], pods: [pod("other", env({ value: "x" }), before(100))] }, GOES],
])("the value lies in %s", async (_where, app, expected) => {
  expect(await adopt(app)).toMatchObject(expected);
});

test("an app that the target does not let in with what its Secret holds is a failure, not a wait", async () => {
  const { outcome } = await adopt({ reaches: [inSecret], pods: [], passwords: [OLD] });
  expect(outcome).toMatchObject({ kind: "unfinished", message: expect.stringContaining("Secret web/app") as string });
});
