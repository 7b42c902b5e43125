// A middlebox forgets the connections to the API server without a word: they stay open, and nothing comes any more.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { readAccess } from "../../support/clusterApi.ts";
import { type DaemonScenario, expectWhole, openDaemonScenario, until } from "../../support/daemon.ts";
import { startTcpRelay, type TcpRelay } from "../../support/tcpRelay.ts";

let scenario: DaemonScenario;
let relay: TcpRelay;
afterEach(async () => {
  await scenario.close();
  await relay.close();
});

test("a watch that says nothing any more is seen by its age, cut and made anew, and what it swallowed is told", async () => {
  scenario = await openDaemonScenario(import.meta.dirname, {
    // Nothing but the watches tells of a patch.
    settings: (yaml) => yaml.replace("resync: 10s", "resync: 1h"),
  });
  const { server } = readAccess(scenario.kubeconfig);
  relay = await startTcpRelay(Number(new URL(server).port));
  const kubeconfig = join(scenario.dir, "kubeconfig");
  const relayed = readFileSync(scenario.kubeconfig, "utf8").replaceAll(server, `https://127.0.0.1:${relay.port}`);
  writeFileSync(kubeconfig, relayed, { mode: 0o600 });
  const token = canary("token");
  await scenario.vault.put("web", { TOKEN: token });
  const web = await scenario.install("web", "web", { token: canary("before") });
  const daemon = await scenario.daemon({ env: { KUBECONFIG: kubeconfig } });
  // Its X-ray tells which Secrets to watch.
  await scenario.recorded([web], "changed");
  const age = async (): Promise<number> => {
    const found = String((await daemon.get("/metrics")).body).matchAll(/^helmwarden_watch_age_seconds\{.*\} (\S+)/gm);
    return Math.min(...[...found].map(([, seconds]) => Number(seconds)));
  };
  const patch = (data: object): Promise<unknown> => {
    const path = `/api/v1/namespaces/${scenario.namespace}/secrets/web`;
    return scenario.api("PATCH", path, data, "application/merge-patch+json");
  };
  await until("the watches stand", async () => (await daemon.status()).watches.every(({ healthy }) => healthy));

  relay.silence();
  const connections = relay.connections;
  await patch({ stringData: { token: canary("swallowed") } });
  // The API server says something at least once a minute, if only a bookmark.
  await until("both watches are old", async () => (await age()) > 65, 100_000);
  await until("it is put back", async () => (await scenario.secret("web"))["token"] === token, 100_000);
  await until("both watches are young", async () => (await age()) < 60);
  expect(relay.connections).toBeGreaterThan(connections);
  await patch({ stringData: { token: canary("seen") } });
  await until("it is put back", async () => (await scenario.secret("web"))["token"] === token);
  await daemon.stop();
  await expectWhole(scenario, [{ release: web, values: { token }, revision: 2 }]);
});
