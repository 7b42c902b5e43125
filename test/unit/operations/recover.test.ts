import { expect, test } from "vitest";
import type { Revision } from "../../../src/core/release.ts";
import { SecretValue, Sealed } from "../../../src/core/secretValue.ts";
import type { ReleaseSync } from "../../../src/core/spec.ts";
import { isDead } from "../../../src/operations/recover.ts";
import { systemClock } from "../../../src/clock.ts";

const NOW = new Date("2026-01-01T12:00:00Z");
const RUN = "0a1b2c3d";
const MINUTES = 60_000;

function dead(label: string | undefined, ageMs: number, status: Revision["status"] = "pending-upgrade"): boolean {
  const key = { cluster: "default", namespace: "web", name: "web" };
  const last: Revision = {
    revision: 7,
    status,
    resourceVersion: "1",
    labels: label === undefined ? {} : { "helmwarden.dev/run": label },
    chart: { name: "web", version: "1.0.0" },
    config: new Sealed({}),
    defaults: new Sealed({}),
    manifest: SecretValue.fromText(""),
    objects: () => new Sealed([]),
    description: SecretValue.fromText(""),
    changedAt: new Date(NOW.getTime() - ageMs),
  };
  const spec = { key, upgrade: { timeoutMs: 5 * MINUTES } } as ReleaseSync;
  const ports = { clock: { ...systemClock, now: () => NOW }, run: RUN };
  return isDead(ports, spec, { kind: "found", release: { key, last, base: undefined } });
}

test.each<[string, string | undefined, number, boolean]>([
  ["this run's own, as its helm has ended when the next pass begins", `v7-${RUN}`, 0, true],
  ["another run's, as long as its helm may live", "v7-ffffffff", 9 * MINUTES, false],
  ["another run's, when its helm cannot live", "v7-ffffffff", 11 * MINUTES, true],
  ["one with a label that it inherited", `v6-${RUN}`, 60 * MINUTES, false],
  ["somebody else's", undefined, 60 * MINUTES, false],
])("a lock is dead or not: %s", (_, label, ageMs, wanted) => {
  expect(dead(label, ageMs)).toBe(wanted);
});

test("what is not pending is no lock", () => {
  expect(dead(`v7-${RUN}`, 60 * MINUTES, "deployed")).toBe(false);
});
