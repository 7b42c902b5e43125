import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { type DaemonScenario, expectWhole, openDaemonScenario, until } from "../../support/daemon.ts";

let scenario: DaemonScenario;
afterEach(() => scenario.close());

/** The record that a rotation leaves in the store: it is all that a new cluster knows of an old one's. */
const rotatedAt = (date: string): string => JSON.stringify({ format: 1, rotatedAt: `${date}T00:00:00.000Z` });

test("a new daemon rotates what is due by the store's own record, leaves what is not, and is loud about what is late", async () => {
  scenario = await openDaemonScenario(import.meta.dirname, { vaultWrites: true });
  // A window of a day that is not near.
  const far = ((new Date().getUTCDate() + 10) % 28) + 1;
  scenario.configure(scenario.config().replace("__FAR__", String(far)));
  const [old, late, young] = [canary("old"), canary("late"), canary("young")];
  await scenario.vault.put("web", { TOKEN: old, TOKEN__ROTATION: rotatedAt("2020-02-29") });
  await scenario.vault.put("late", { TOKEN: late, TOKEN__ROTATION: rotatedAt("2020-02-29") });
  await scenario.vault.put("young", { TOKEN: young });
  const web = await scenario.install("web", "checksum", { token: old });
  const daemon = await scenario.daemon();

  await until(
    "it is rotated",
    async () => daemon.log().some(({ msg, outcome }) => msg === "rotation" && outcome === "rotated"),
    120_000,
  );
  const now = await scenario.vault.get("web");
  expect(now["TOKEN"]).toMatch(/^hwcanary-rotated-/);
  expect(await web.values()).toEqual({ token: now["TOKEN"] });
  const state = JSON.parse(now["TOKEN__ROTATION"] ?? "") as { rotatedAt: string };
  expect(Date.now() - Date.parse(state.rotatedAt)).toBeLessThan(300_000);
  expect(await scenario.events("Rotated")).toHaveLength(1);

  await until("the late one is told", async () => (await scenario.events("RotationOverdue")).length === 1);
  expect(await scenario.vault.get("late")).toMatchObject({ TOKEN: late });
  expect(await scenario.vault.get("young")).toEqual({ TOKEN: young });
  const { body } = await daemon.get("/metrics");
  const gauge = (policy: string): string =>
    `helmwarden_rotation_overdue{namespace="${scenario.namespace}",policy="${policy}"}`;
  expect(body).toContain(`${gauge("late")} 1`);
  expect(body).toContain(`${gauge("young")} 0`);
  expect(body).toContain('helmwarden_rotations_total{outcome="rotated"} 1');
  expect(body).toMatch(/helmwarden_rotation_last_decision_timestamp_seconds \d{10}/);

  const status = await scenario.run("rotation status", ["-o", "json"]);
  expect(status.code).toBe(2);
  const { policies } = JSON.parse(status.stdout) as { policies: { name: string; state: string }[] };
  expect(policies.map(({ name, state: word }) => `${name} ${word}`)).toEqual([
    "late overdue",
    "young fresh",
    "web-token fresh",
  ]);
  await daemon.stop();
  await expectWhole(scenario, [{ release: web, values: { token: now["TOKEN"] }, revision: 2 }]);
});
