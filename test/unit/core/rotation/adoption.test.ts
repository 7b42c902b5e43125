import { expect, test } from "vitest";
import { type Adopter, adoptionOf } from "../../../../src/core/rotation/adoption.ts";
import { Sealed, SecretValue } from "../../../../src/core/secretValue.ts";
import { canary } from "../../../support/canary.ts";

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

const CARRIERS = { keys: KEYS, literals: [] };
const renewal = { old: SecretValue.fromText(canary("old")), next: SecretValue.fromText(canary("next")) };

/** Made when its first container started, unless told otherwise. */
function pod(spec: object, startedAt: Date | undefined, namespace = "web", createdAt = startedAt ?? SINCE): Adopter {
  return { namespace, name: "pod", spec: new Sealed(spec as never), createdAt, startedAt };
}

test.each([
  ["env, another key", byOther, at(-1), at(1), { readers: 0, old: [] }],
  ["env, started before", byEnv, at(-1), at(3600), { readers: 1, old: ["web/pod"] }],
  ["env, not started yet", byEnv, undefined, at(1), { readers: 1, old: [] }],
  ["volume, before the kubelet's turn", byVolume, at(-1), at(89), { readers: 1, old: ["web/pod"] }],
  ["volume, after it", byVolume, at(-1), at(90), { readers: 1, old: [] }],
  ["image pull", byPull, at(-1), at(1), { readers: 0, old: [] }],
] as const)("%s", (_name, spec, startedAt, now, expected) => {
  expect(adoptionOf([pod(spec, startedAt)], CARRIERS, renewal, SINCE, now)).toEqual(expected);
});

// The API server tells when a Secret was written and a pod made; a node, when a container started.
test.each([
  ["made and started long before", -3600, -3600, "old"],
  ["made just before, started after", -1, 2, "old"],
  ["made just before, on a node whose clock is a minute ahead", -1, 60, "old"],
  ["made before, its container started anew in the same second", -3600, 0, "old"],
  ["made before, its container started anew while the kubelet may remember", -3600, 89, "old"],
  ["made before, its container started anew later", -3600, 90, "new"],
  ["made in the same second, as what is rolled for the change", 0, 1, "new"],
  ["made after, on a node whose clock is behind", 1, -60, "new"],
] as const)("a pod that was %s", (_name, created, started, expected) => {
  const { old } = adoptionOf([pod(byEnv, at(started), "web", at(created))], CARRIERS, renewal, SINCE, at(7200));
  expect(old).toEqual(expected === "old" ? ["web/pod"] : []);
});

test("a Secret of the same name in another namespace is another Secret", () => {
  expect(adoptionOf([pod(byEnv, at(-1), "other")], CARRIERS, renewal, SINCE, at(1))).toEqual({ readers: 0, old: [] });
});

const [OLD, NEXT] = [renewal.old.reveal(), renewal.next.reveal()];
const withEnv = (value: string): object => ({ containers: [{ env: [{ name: "P", value }] }] });
const withArgument = (argument: string): object => ({ initContainers: [{ args: [argument] }], containers: [{}] });

test.each([
  ["the old one as it is", withEnv(OLD), "whole", { readers: 1, old: ["web/pod"] }],
  ["the new one as it is", withEnv(NEXT), "whole", { readers: 1, old: [] }],
  ["the old one in a URL, where only whole values are put", withEnv(`db://${OLD}@h`), "whole", { readers: 0, old: [] }],
  ["the old one in an argument", withArgument(`--url=db://${OLD}@h`), "part", { readers: 1, old: ["web/pod"] }],
  ["the new one in an argument", withArgument(`--url=db://${NEXT}@h`), "part", { readers: 1, old: [] }],
  ["neither", withEnv(canary("other")), "part", { readers: 0, old: [] }],
] as const)("a pod whose own spec holds %s", (_name, spec, form, expected) => {
  const literals = [{ namespace: "web", form }];
  // It stays what it is, started or not, and however long ago.
  for (const startedAt of [undefined, at(3600)])
    expect(adoptionOf([pod(spec, startedAt)], { keys: [], literals }, renewal, SINCE, at(7200))).toEqual(expected);
});

test("a new value that begins with the old one is not taken for it", () => {
  const counted = { old: SecretValue.fromText(OLD), next: SecretValue.fromText(`${OLD}2`) };
  const literals = [{ namespace: "web", form: "part" }] as const;
  const adoption = (text: string): object =>
    adoptionOf([pod(withEnv(text), undefined)], { keys: [], literals }, counted, SINCE, at(1)).old;
  expect(adoption(`db://${OLD}2@h`)).toEqual([]);
  expect(adoption(`db://${OLD}@h`)).toEqual(["web/pod"]);
});
