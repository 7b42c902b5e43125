import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { canary } from "../../support/canary.ts";
import { type ControlPlane, startControlPlane } from "../../support/controlPlane.ts";
import {
  type DaemonScenario,
  expectWhole,
  openDaemonScenario,
  type RunningDaemon,
  until,
} from "../../support/daemon.ts";
import { clusterApi } from "../../support/clusterApi.ts";
import { makeNamespace } from "../../support/namespace.ts";
import { isAlive } from "../../support/process.ts";
import type { Release } from "../../support/release.ts";
import { sharedServers } from "../../support/servers.ts";

/** Another cluster, which stays. */
const near = sharedServers().kubeconfig;

let scenario: DaemonScenario;
let plane: ControlPlane;
let dir: string;

// A cluster of its own, as it is stopped.
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "helmwarden-cluster-"));
  plane = await startControlPlane({ dir });
  vi.stubEnv("HELMWARDEN_TEST_KUBECONFIG", plane.kubeconfig);
});
afterEach(() => scenario.close());
afterAll(async () => {
  await plane.stop();
  rmSync(dir, { recursive: true });
});

/** A daemon whose release is in step, and which nothing but the watches and the polls tells of a change. */
async function begin(chart = "checksum", more = "", env = {}): Promise<{ web: Release; daemon: RunningDaemon }> {
  scenario = await openDaemonScenario(import.meta.dirname, {
    settings: (yaml) => yaml.replace("resync: 10s", "resync: 1h").replace("most: 2s", "most: 10m, attempts: 3"),
  });
  scenario.configure(scenario.config().replace("/checksum", `/${chart}`) + more);
  const old = canary("old");
  await scenario.vault.put("web", { TOKEN: old });
  const web = await scenario.install("web", chart, { token: old });
  const daemon = await scenario.daemon({ env });
  await scenario.recorded([web], "adopted");
  return { web, daemon };
}

/** Both clusters in one kubeconfig, with the other one's context called `near`. */
function kubeconfigOfBoth(): string {
  const file = join(mkdtempSync(join(dir, "near-")), "kubeconfig");
  writeFileSync(file, readFileSync(near, "utf8").replaceAll("helmwarden-test", "near"));
  return [plane.kubeconfig, file].join(delimiter);
}

const inNear = (namespace: string): string => `---
apiVersion: helmwarden.dev/v1alpha1
kind: SecretSync
metadata: { name: web, namespace: ${namespace} }
spec:
  cluster: near
  data:
    - key: token
      from: { store: vault, path: __NAMESPACE__/web, key: TOKEN }
`;

test("the API server stops for twenty seconds: another cluster notices nothing, nothing is lost, and the watch tells of a patch again", async () => {
  const namespace = await makeNamespace(near, "near");
  const { web, daemon } = await begin("checksum", inNear(namespace.name), { KUBECONFIG: kubeconfigOfBoth() });
  const tokenInNear = async (): Promise<unknown> => {
    const { body } = await clusterApi(near)("GET", `/api/v1/namespaces/${namespace.name}/secrets/web`);
    const { token = "" } = (body as { data?: { token?: string } }).data ?? {};
    return Buffer.from(token, "base64").toString();
  };
  const wanted = canary("wanted");
  await plane.stopApiServer();
  const start = performance.now();
  const watches = async (): Promise<string[]> =>
    (await daemon.status()).watches.filter(({ healthy }) => !healthy).map(({ cluster }) => cluster);
  await until("its watches do not stand", async () => (await watches()).length === 2);
  expect((await watches()).toSorted()).toEqual(["default releases", "default secrets"]);
  expect((await daemon.get("/livez")).status).toBe(200);
  expect((await daemon.get("/readyz")).status).toBe(200);
  await scenario.vault.put("web", { TOKEN: wanted });
  const put = performance.now();
  await until("the other cluster has it", async () => (await tokenInNear()) === wanted);
  expect(performance.now() - put).toBeLessThan(5_000);
  // As often as it is tried, an outage is no reason to give up.
  const row = async () => (await daemon.status()).subjects.find(({ subject }) => subject.startsWith("default/"));
  await until("four passes have failed", async () => ((await row())?.attempts ?? 0) > 3);
  expect(await row()).toMatchObject({ outcome: "failed", reason: "ClusterUnavailable" });
  await until("twenty seconds are over", async () => performance.now() - start > 20_000);
  await plane.startApiServer();
  await until("its watches stand", async () => (await watches()).length === 0);
  await scenario.recorded([web], "changed");
  await namespace.remove();

  const path = `/api/v1/namespaces/${scenario.namespace}/secrets/web`;
  await scenario.api("PATCH", path, { stringData: { token: canary("patched") } }, "application/merge-patch+json");
  await until("it is put back", async () => (await scenario.secret("web"))["token"] === wanted);
  await daemon.stop();
  // An API server that is so slow that it costs the lease has helm stopped and begun anew; it is one change all the same.
  const states = (await web.history()).map(({ status }) => status);
  expect(states.filter((status) => status !== "failed")).toEqual(["superseded", "deployed"]);
  await expectWhole(scenario, [{ release: web, values: { token: wanted }, revision: states.length }]);
});

test("the API server stops in the middle of an upgrade: the lock that helm leaves is opened when it is back", async () => {
  const { web, daemon } = await begin("hook");
  const wanted = canary("wanted");
  // The chart's pre-upgrade hook never ends with such a value.
  await scenario.vault.put("web", { TOKEN: `${canary("wanted")}-stuck` });
  const helm = await daemon.helm("--hide-notes");
  await until("the release is locked", async () => (await web.history()).at(-1)?.status === "pending-upgrade");
  await plane.stopApiServer();
  await scenario.vault.put("web", { TOKEN: wanted });
  await until("helm has ended", async () => !isAlive(helm.pid));
  await plane.startApiServer();
  // Long before that helm could have ended by itself.
  await scenario.recorded([web], "changed");
  await daemon.stop();
  const states = (await web.history()).map(({ status }) => status);
  expect(states.slice(0, 2)).toEqual(["superseded", "failed"]);
  expect(states.filter((status) => status !== "failed")).toEqual(["superseded", "deployed"]);
  expect(scenario.audit().map(({ action, kind }) => `${action} ${kind}`)).toContain("recover result");
  await expectWhole(scenario, [{ release: web, values: { token: wanted }, revision: states.length }]);
});
