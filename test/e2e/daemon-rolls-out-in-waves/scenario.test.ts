// One secret that six releases read: the first that changes must be healthy before the others follow.
import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { type DaemonScenario, expectWhole, type LogLine, openDaemonScenario, until } from "../../support/daemon.ts";

let scenario: DaemonScenario;
afterEach(() => scenario.close());

const NAMES = ["a", "b", "c", "d", "e", "f"];

test("a canary that does not come up gets its old value back, once, and the rest waits for the next change", async () => {
  scenario = await openDaemonScenario(import.meta.dirname);
  const [old, broken, good] = [canary("old"), `${canary("broken")}-unready`, canary("good")];
  const releases = await Promise.all(NAMES.map((name) => scenario.install(name, "web", { token: old })));
  await scenario.vault.put("all", { TOKEN: old });
  const daemon = await scenario.daemon();
  await scenario.recorded(releases, "adopted");

  await scenario.vault.put("all", { TOKEN: broken });
  await until("the canary is restored", async () => (await scenario.events("Restored")).length > 0);
  const waiting = async (): Promise<string[]> =>
    (await daemon.status()).subjects
      .filter(({ outcome, reason }) => outcome === "held" && reason === "rollout")
      .map(({ subject }) => subject.split("/").at(-1)!);
  await until("the rest waits", async () => (await waiting()).length === NAMES.length - 1);
  const canaryName = restoredOf(daemon.log());
  expect(await waiting()).not.toContain(canaryName);

  // What has stalled is looked at whenever something moves there, and neither tried nor told again.
  const seen = async (): Promise<number> => {
    const { body } = await daemon.get("/metrics");
    return Number(/^helmwarden_passes_total\{outcome="held"\} (\d+)/m.exec(String(body))?.[1] ?? 0);
  };
  for (let round = 1; round <= 3; round += 1) {
    const before = await seen();
    const path = `/api/v1/namespaces/${scenario.namespace}/secrets/${canaryName}`;
    const body = { metadata: { annotations: { round: String(round) } } };
    await scenario.api("PATCH", path, body, "application/merge-patch+json");
    await until("it is looked at", async () => (await seen()) > before);
  }
  expect(await scenario.events("Restored")).toHaveLength(1);
  expect((await scenario.events("Held")).length).toBeLessThanOrEqual(1);
  for (const release of releases) expect(await release.revision()).toBe(release.name === canaryName ? 3 : 1);

  await scenario.vault.put("all", { TOKEN: good });
  await scenario.recorded(releases, "changed");
  await daemon.stop();
  await expectWhole(
    scenario,
    releases.map((release) => ({
      release,
      values: { token: good },
      revision: release.name === canaryName ? 4 : 2,
    })),
  );
});

function restoredOf(log: readonly LogLine[]): string {
  return String(log.find((line) => line["outcome"] === "restored")?.["subject"])
    .split("/")
    .at(-1)!;
}
