import { afterEach, beforeEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { generationOf, makeDeployment } from "../../support/deployment.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
const other = canary("other");

beforeEach(async () => {
  scenario = await openScenario(import.meta.dirname);
  const { api, namespace } = scenario;
  const body = { metadata: { name: "app" }, stringData: { token: canary("first"), other } };
  await api("POST", `/api/v1/namespaces/${namespace}/secrets`, body);
  await makeDeployment(api, namespace, "reader", { container: { envFrom: [{ secretRef: { name: "app" } }] } });
});
afterEach(() => scenario.close());

async function versionOf(): Promise<string> {
  return (await scenario.object<{ metadata: { resourceVersion: string } }>("v1/secrets/app")).metadata.resourceVersion;
}
const intents = (): number => scenario.audit().filter(({ kind }) => kind === "intent").length;
const restarts = (): Promise<number> => generationOf(scenario.api, scenario.namespace, "reader");

test.each(["before", "after"] as const)(
  "a pass that is killed right %s any of its port calls is ended by the next one: one write, one restart",
  { timeout: 600_000 },
  async (when) => {
    await scenario.vault.put("app", { TOKEN: canary("whole") });
    const calls = await scenario.calls();
    expect(calls.map(({ name }) => name)).toEqual(expect.arrayContaining(EFFECTS));
    for (const call of calls) {
      const where = `killed ${when} ${call.name} ${call.number}`;
      const token = canary("token");
      await scenario.vault.put("app", { TOKEN: token });
      const start = { version: await versionOf(), restarts: await restarts(), intents: intents() };
      const { signal } = await scenario.crash(when, call);
      const crashedAt = await versionOf();
      const written = crashedAt !== start.version;
      const unrecorded = written && intents() === start.intents;
      expect({ where, signal, unrecorded }).toEqual({ where, signal: "SIGKILL", unrecorded: false });

      const [outcome] = await scenario.pass("sync");
      expect(["changed", "adopted", "inSync"]).toContain(outcome!.kind);
      const again = written && (await versionOf()) !== crashedAt;
      const restarted = (await restarts()) - start.restarts;
      const live = await scenario.secret("app");
      const next = await scenario.pass("plan");
      expect({ where, again, restarted, live, next }).toEqual({
        where,
        again: false,
        restarted: 1,
        live: { token, other },
        next: [{ kind: "inSync" }],
      });
    }
  },
);

const EFFECTS = ["audit.append", "statuses.put", "secrets.apply", "workloads.annotatePods", "events.emit"];

test("a pass that is killed before the restarts of two Secrets leaves one restart for who reads both", async () => {
  const { api, namespace, vault } = scenario;
  scenario.configure(`${scenario.config()}---
apiVersion: helmwarden.dev/v1alpha1
kind: SecretSync
metadata: { name: mail, namespace: __NAMESPACE__ }
spec:
  data:
    - key: password
      from: { store: vault, path: __NAMESPACE__/app, key: MAIL }
`);
  const body = { metadata: { name: "mail" }, stringData: { password: canary("first") } };
  await api("POST", `/api/v1/namespaces/${namespace}/secrets`, body);
  const envFrom = [{ secretRef: { name: "app" } }, { secretRef: { name: "mail" } }];
  await makeDeployment(api, namespace, "both", { container: { envFrom } });
  await vault.put("app", { TOKEN: canary("token"), MAIL: canary("mail") });

  const { signal } = await scenario.crash("before", { name: "workloads.annotatePods", number: 1 });
  expect(signal).toBe("SIGKILL");
  expect(await scenario.pass("sync")).toEqual([{ kind: "adopted" }, { kind: "adopted" }]);
  expect(await generationOf(api, namespace, "both")).toBe(2);
  expect(await restarts()).toBe(2);
});
