import { expect, test } from "vitest";
import { type Adopter, adoptionOf } from "../../../../src/core/rotation/adoption.ts";
import { Sealed } from "../../../../src/core/secretValue.ts";

const SINCE = new Date("2026-11-23T10:00:00Z");
const at = (seconds: number): Date => new Date(SINCE.getTime() + seconds * 1000);
const KEYS = [{ kind: "Secret", namespace: "web", name: "app", key: "password" }] as const;

const byEnv = { containers: [{ env: [{ name: "P", valueFrom: { secretKeyRef: { name: "app", key: "password" } } }] }] };
const byOther = { containers: [{ env: [{ name: "P", valueFrom: { secretKeyRef: { name: "app", key: "user" } } }] }] };
const byVolume = {
  containers: [{ volumeMounts: [{ name: "s", mountPath: "/s" }] }],
  volumes: [{ name: "s", secret: { secretName: "app" } }],
};
const byPull = { containers: [{}], imagePullSecrets: [{ name: "app" }] };

function pod(spec: object, startedAt: Date | undefined, namespace = "web"): Adopter {
  return { namespace, name: "pod", spec: new Sealed(spec as never), startedAt };
}

test.each([
  ["env, started before", byEnv, at(-1), at(3600), { readers: 1, old: ["web/pod"] }],
  ["env, started in the same second", byEnv, at(0), at(1), { readers: 1, old: [] }],
  ["env, not started yet", byEnv, undefined, at(1), { readers: 1, old: [] }],
  ["another key", byOther, at(-1), at(1), { readers: 0, old: [] }],
  ["volume, before the kubelet's turn", byVolume, at(-1), at(89), { readers: 1, old: ["web/pod"] }],
  ["volume, after it", byVolume, at(-1), at(90), { readers: 1, old: [] }],
  ["image pull", byPull, at(-1), at(1), { readers: 0, old: [] }],
] as const)("%s", (_name, spec, startedAt, now, expected) => {
  expect(adoptionOf([pod(spec, startedAt)], KEYS, SINCE, now)).toEqual(expected);
});

test("a Secret of the same name in another namespace is another Secret", () => {
  expect(adoptionOf([pod(byEnv, at(-1), "other")], KEYS, SINCE, at(1))).toEqual({ readers: 0, old: [] });
});
