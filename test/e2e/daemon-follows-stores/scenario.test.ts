import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { type DaemonScenario, expectWhole, openDaemonScenario, until } from "../../support/daemon.ts";
import { type InfisicalServer, startInfisical } from "../../support/infisicalServer.ts";
import { delivery } from "../../support/webhook.ts";

let scenario: DaemonScenario;
afterEach(() => scenario.close());

test.each([3, 4] as const)("what moves in Vault reaches the release at the next poll, with helm %i", async (helm) => {
  const [before, after, last] = [canary("before"), canary("after"), canary("last")];
  scenario = await openDaemonScenario(import.meta.dirname, { helm });
  const web = await scenario.install("web", "web", { token: before, labels: { mine: "yes" } });
  await scenario.vault.put("web", { TOKEN: before });
  const daemon = await scenario.daemon();
  await scenario.recorded([web], "adopted");
  for (const [token, revision] of [
    [after, 2],
    [last, 3],
  ] as const) {
    await scenario.vault.put("web", { TOKEN: token });
    await until("it is deployed", async () => (await scenario.record("web"))?.revision === revision);
  }
  await until("the status tells", async () => (await daemon.status()).subjects[0]?.revision === 3);
  expect((await daemon.status()).stores).toMatchObject([{ name: "vault", state: "ok", paths: 1 }]);
  expect((await daemon.get("/readyz")).status).toBe(200);
  const passes = daemon.log().filter(({ msg }) => msg === "pass");
  expect(passes.map(({ outcome }) => outcome)).toEqual(["adopted", "changed", "changed"]);
  // One name of the run in log, label and audit log leads from any of them to the others.
  const { run } = daemon.log().find(({ msg }) => msg === "helmwarden runs")!;
  expect(new Set(passes.map((pass) => pass["run"]))).toEqual(new Set([run]));
  expect(new Set(scenario.audit().map((line) => line.run))).toEqual(new Set([run]));
  const stored = await scenario.object<{ metadata: { labels: object } }>("v1/secrets/sh.helm.release.v1.web.v3");
  expect(stored.metadata.labels).toMatchObject({ "helmwarden.dev/run": `v3-${String(run)}` });
  await daemon.stop();
  await expectWhole(scenario, [{ release: web, values: { token: last, labels: { mine: "yes" } }, revision: 3 }]);
});

function listening(yaml: string): string {
  return yaml
    .replace("refreshInterval: 1s", "refreshInterval: 1h")
    .replace("version: 2", "version: 2\n    events: true");
}

test("an event of Vault reaches the release long before the next poll", async () => {
  const [before, after] = [canary("before"), canary("after")];
  scenario = await openDaemonScenario(import.meta.dirname, { settings: listening });
  const web = await scenario.install("web", "web", { token: before });
  await scenario.vault.put("web", { TOKEN: before });
  const daemon = await scenario.daemon();
  await scenario.recorded([web], "adopted");
  await until("it listens", async () => (await daemon.status()).stores[0]?.eventsConnected === true);
  await scenario.vault.put("web", { TOKEN: after });
  await scenario.recorded([web], "changed");
  await daemon.stop();
  await expectWhole(scenario, [{ release: web, values: { token: after }, revision: 2 }]);
});

const INFISICAL = `
apiVersion: helmwarden.dev/v1alpha1
kind: SecretStore
metadata: { name: infisical }
spec:
  refreshInterval: 1h
  infisical:
    siteUrl: __INFISICAL__
    projectId: __PROJECT__
    environment: prod
    webhook: { secret: { fromEnv: WEBHOOK_SECRET } }
    auth:
      universal:
        clientId: { fromEnv: CLIENT_ID }
        clientSecret: { fromEnv: CLIENT_SECRET }
---
`;

test("an event of Infisical reaches the release long before the next poll, also after its stream was made anew", async () => {
  const server = await startInfisical({ events: "all" });
  const [before, after, clientSecret] = [canary("before"), canary("after"), canary("client")];
  const { account } = server.addIdentity("universal", clientSecret);
  scenario = await openDaemonScenario(import.meta.dirname, {
    env: { CLIENT_ID: account, CLIENT_SECRET: clientSecret },
  });
  useInfisical(server, (store) => store.replace(/webhook: .*/, "events: true"));
  server.putSecret("/apps/web", "TOKEN", before);
  const web = await scenario.install("web", "web", { token: before });
  const daemon = await scenario.daemon();
  await scenario.recorded([web], "adopted");
  const connected = async (): Promise<unknown> =>
    (await daemon.status()).stores.find(({ name }) => name === "infisical")?.eventsConnected;
  const metric = async (): Promise<string | undefined> =>
    /^helmwarden_store_events_connected\{store="infisical"\} (\d)/m.exec(
      String((await daemon.get("/metrics")).body),
    )?.[1];
  await until("it listens", async () => (await connected()) === true);
  expect(await metric()).toBe("1");
  server.events.end();
  await until("that is over", async () => (await connected()) === false && (await metric()) === "0");
  await until("it listens again", async () => (await connected()) === true);
  server.putSecret("/apps/web", "TOKEN", after);
  await scenario.recorded([web], "changed");
  await daemon.stop();
  await server.close();
  await expectWhole(scenario, [{ release: web, values: { token: after }, revision: 2 }]);
});

function useInfisical(server: InfisicalServer, change = (store: string): string => store): void {
  const store = INFISICAL.replace("__INFISICAL__", server.url).replace("__PROJECT__", server.projectId);
  const sync = scenario.config().replace("store: vault, path: __NAMESPACE__/web", "store: infisical, path: /apps/web");
  scenario.configure(`${change(store)}${sync}`);
}

test("a signed webhook of Infisical reaches the release long before the next poll; a forged one does nothing", async () => {
  const server: InfisicalServer = await startInfisical();
  const [before, after, signing, clientSecret] = ["before", "after", "signing", "client"].map(canary);
  const { account } = server.addIdentity("universal", clientSecret!);
  const env = { CLIENT_ID: account, CLIENT_SECRET: clientSecret!, WEBHOOK_SECRET: signing! };
  scenario = await openDaemonScenario(import.meta.dirname, { env });
  useInfisical(server);
  server.putSecret("/apps/web", "TOKEN", before!);
  const web = await scenario.install("web", "web", { token: before });
  const daemon = await scenario.daemon();
  await scenario.recorded([web], "adopted");
  server.putSecret("/apps/web", "TOKEN", after!);
  const send = (secret: string) => {
    const { body, signature } = delivery(secret, Date.now(), {
      projectId: server.projectId,
      secretPath: "/apps/web",
    });
    return daemon.hook("infisical", body, { "x-infisical-signature": signature });
  };
  expect(await send(canary("forged"))).toMatchObject({ status: 401 });
  expect(await send(signing!)).toEqual({ status: 202, body: { read: true } });
  await scenario.recorded([web], "changed");
  await daemon.stop();
  expect(server.count("GET /api/v4/secrets")).toBe(2);
  await server.close();
  await expectWhole(scenario, [{ release: web, values: { token: after }, revision: 2 }]);
});
