import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { canary } from "../../support/canary.ts";
import { type ControlPlane, startControlPlane } from "../../support/controlPlane.ts";
import { type DaemonScenario, expectWhole, openDaemonScenario, until } from "../../support/daemon.ts";

let scenario: DaemonScenario;
let plane: ControlPlane;
let dir: string;

// A cluster of its own, as it is stopped.
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "helmwarden-cluster-"));
  plane = await startControlPlane({ dir });
  vi.stubEnv("HELMWARDEN_TEST_KUBECONFIG", plane.kubeconfig);
});
afterAll(async () => {
  await scenario.close();
  await plane.stop();
  rmSync(dir, { recursive: true });
});

test("the API server stops for ten seconds: nothing is lost, and the watch tells of a patch again", async () => {
  scenario = await openDaemonScenario(import.meta.dirname, {
    settings: (yaml) => yaml.replace("resync: 10s", "resync: 1h"),
  });
  const [old, wanted] = [canary("old"), canary("wanted")];
  await scenario.vault.put("web", { TOKEN: old });
  const web = await scenario.install("web", "checksum", { token: old });
  const daemon = await scenario.daemon();
  await scenario.recorded([web], "adopted");

  await plane.stopApiServer();
  const start = performance.now();
  await until("it is not ready", async () => (await daemon.get("/readyz")).status === 503);
  expect((await daemon.get("/livez")).status).toBe(200);
  await scenario.vault.put("web", { TOKEN: wanted });
  await until("a pass has failed", async () => (await daemon.status()).subjects[0]?.outcome === "failed");
  await until("ten seconds are over", async () => performance.now() - start > 10_000);
  await plane.startApiServer();
  // The next try may be a backoff of up to a minute away.
  await until("it is deployed", async () => (await scenario.record("web"))?.revision === 2, 150_000);
  await until("it is ready", async () => (await daemon.get("/readyz")).status === 200, 120_000);

  const path = `/api/v1/namespaces/${scenario.namespace}/secrets/web`;
  await scenario.api("PATCH", path, { stringData: { token: canary("patched") } }, "application/merge-patch+json");
  await until("it is put back", async () => (await scenario.secret("web"))["token"] === wanted);
  await daemon.stop();
  await expectWhole(scenario, [{ release: web, values: { token: wanted }, revision: 2 }]);
});
