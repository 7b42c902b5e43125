import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { type DaemonScenario, expectWhole, heldLeases, openDaemonScenario, until } from "../../support/daemon.ts";
import { findLeftovers } from "../../support/leftovers.ts";
import type { Release } from "../../support/release.ts";

let scenario: DaemonScenario;
afterEach(() => scenario.close());

const NAMES = ["a", "b", "c", "d", "e", "f"];
const old = canary("old");

async function begin(): Promise<readonly Release[]> {
  scenario = await openDaemonScenario(import.meta.dirname, {
    settings: (yaml) => yaml.replace("  resync: 10s", "  resync: 10s\n  rollout: { canary: 0, maxUnavailable: 100% }"),
  });
  const releases = await Promise.all(NAMES.map((name) => scenario.install(name, "checksum", { token: old })));
  await scenario.vault.put("all", { TOKEN: old });
  return releases;
}

test("SIGTERM under load lets what runs end, leaves what waits, and the next start does the rest", async () => {
  const releases = await begin();
  const wanted = canary("wanted");
  const daemon = await scenario.daemon();
  await scenario.recorded(releases, "adopted");
  await scenario.vault.put("all", { TOKEN: wanted });
  await daemon.helm("--hide-notes");
  const { stdout } = await daemon.stop();
  expect(stdout.trimEnd().split("\n").at(-1)).toContain("helmwarden has stopped");
  expect(await heldLeases(scenario)).toEqual([]);
  const revisions = await Promise.all(releases.map((release) => release.revision()));
  const done = revisions.filter((revision) => revision === 2).length;
  expect(done).toBeGreaterThan(0);
  expect(scenario.audit().filter(({ kind }) => kind === "result")).toHaveLength(done + NAMES.length);
  await expectWhole(
    scenario,
    releases.map((release, index) => ({
      release,
      values: { token: revisions[index] === 2 ? wanted : old },
      revision: revisions[index]!,
    })),
  );

  const next = await scenario.daemon();
  await scenario.recorded(releases, "changed");
  await next.stop();
  await expectWhole(
    scenario,
    releases.map((release) => ({ release, values: { token: wanted }, revision: 2 })),
  );
});

test("a second signal ends it now, and nothing is lost by it", async () => {
  const releases = await begin();
  const wanted = canary("wanted");
  const daemon = await scenario.daemon();
  await scenario.recorded(releases, "adopted");
  await scenario.vault.put("all", { TOKEN: wanted });
  await daemon.helm("--hide-notes");
  daemon.child.kill("SIGTERM");
  await until("it is stopping", async () => daemon.log().some(({ msg }) => msg.startsWith("helmwarden stops")));
  const start = performance.now();
  daemon.child.kill("SIGTERM");
  const { code, signal } = await daemon.end;
  expect(performance.now() - start).toBeLessThan(2_000);
  expect(code !== 0 || signal !== null).toBe(true);
  // helm runs on by itself: it would leave a lock if it were stopped.
  await until("its helm has ended", async () => findLeftovers(scenario.dir).length === 0);
  const next = await scenario.daemon();
  await until("all is done", async () => await areAt(releases, wanted));
  await next.stop();
  await expectWhole(
    scenario,
    releases.map((release) => ({ release, values: { token: wanted }, revision: 2 })),
  );
});

async function areAt(releases: readonly Release[], token: string): Promise<boolean> {
  const secrets = await Promise.all(releases.map(({ name }) => scenario.secret(name)));
  const records = await Promise.all(releases.map(({ name }) => scenario.record(name)));
  return (
    secrets.every((secret) => secret["token"] === token) &&
    records.every((record) => record?.phase === "settled" && record.noted === undefined && record.revision === 2)
  );
}
