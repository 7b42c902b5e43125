import { expect, test } from "vitest";
import { hold } from "../../../src/core/hold.ts";
import { SecretValue } from "../../../src/core/secretValue.ts";
import type { ProvenAtTarget } from "../../../src/operations/releasePorts.ts";
import { withoutProven } from "../../../src/operations/withoutProven.ts";
import { canary } from "../../support/canary.ts";

const { signal } = new AbortController();
const [tried, other] = [canary("tried"), canary("other")].map((text) => SecretValue.fromText(text));
const held = hold("statefulCredential", "auth.password", "A volume may remember it.");
const source = { kind: "ref" as const, ref: { store: "vault", path: "apps/app", key: "PASSWORD" } };

test.each<[string, Awaited<ReturnType<ProvenAtTarget>>, SecretValue | undefined, boolean]>([
  ["what was tried is what is to be written", { kind: "accepted", value: tried! }, tried, true],
  ["a rotation has ended since the store was read", { kind: "accepted", value: tried! }, other, false],
  ["whoever asks answers for the value itself", { kind: "accepted" }, other, true],
  ["the target takes another value", { kind: "refused", policy: "app-db" }, tried, false],
  ["nobody knows the system", { kind: "unowned" }, tried, false],
])("%s", async (_what, proof, wanted, isLetThrough) => {
  const ports = { provenAtTarget: () => Promise.resolve(proof) };
  const left = await withoutProven(ports, () => ({ source, wanted }), [held], signal);
  expect(left.map(({ reason, where }) => ({ reason, where }))).toEqual(
    isLetThrough ? [] : [{ reason: "statefulCredential", where: "auth.password" }],
  );
});
