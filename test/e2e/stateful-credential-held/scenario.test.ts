import { afterEach, expect, onTestFinished, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { openDaemonScenario, until } from "../../support/daemon.ts";
import { startKeyService } from "../../support/keyService.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

const secretSync = `apiVersion: helmwarden.dev/v1alpha1
kind: SecretSync
metadata: { name: db-login, namespace: __NAMESPACE__ }
spec:
  data:
    - key: password
      from: { store: vault, path: __NAMESPACE__/db, key: PASSWORD }
`;

/** The database is one that is asked over HTTP, as it is quick to start; which kind it is makes no difference here. */
const policy = (url: string): string => `---
apiVersion: helmwarden.dev/v1alpha1
kind: RotationPolicy
metadata: { name: db, namespace: __NAMESPACE__ }
spec:
  secret: { store: vault, path: __NAMESPACE__/db, key: PASSWORD }
  generate: { password: {} }
  target:
    http:
      create: { url: ${url}/keys, value: "$.data[0].key" }
      test: { url: ${url}/me, headers: { Authorization: "Bearer \${value}" } }
      revoke: { url: ${url}/keys }
`;

let scenario: Scenario;
afterEach(() => scenario.close());

test("a password that a database's volume remembers is held until somebody says that nothing does", async () => {
  scenario = await openScenario(import.meta.dirname);
  const [old, wanted] = [canary("old"), canary("wanted")];
  const db = await scenario.install("db", "database", { password: old });
  await scenario.vault.put("db", { PASSWORD: wanted });

  const outcome = await scenario.sync();
  expect(outcome).toMatchObject({ kind: "held", holds: [{ reason: "statefulCredential", where: "password" }] });
  expect(JSON.stringify(outcome)).toContain("StatefulSet/db reads this from Secret/db key password");
  expect(await db.revision()).toBe(1);
  expect((await scenario.secret("db"))["password"]).toBe(old);
  const { metadata } = await scenario.object<{ metadata: { generation: number } }>("apps/v1/statefulsets/db");
  expect(metadata.generation).toBe(1);

  scenario.configure(`${scenario.config()}      kind: token\n`);
  expect(await scenario.sync()).toMatchObject({ kind: "changed", revision: 2, restarted: ["StatefulSet/db"] });
  expect((await scenario.secret("db"))["password"]).toBe(wanted);
});

test("a Secret that a database reads is held as well, also by the daemon, until the database takes the new value", async () => {
  const daemons = await openDaemonScenario(import.meta.dirname);
  scenario = daemons;
  const { api, namespace } = scenario;
  const database = await startKeyService();
  onTestFinished(database.close);
  const [old, wanted] = [canary("old"), canary("wanted")];
  const generation = async (): Promise<number> =>
    (await scenario.object<{ metadata: { generation: number } }>("apps/v1/statefulsets/db")).metadata.generation;
  await api("POST", `/api/v1/namespaces/${namespace}/secrets`, {
    metadata: { name: "db-login" },
    stringData: { password: old },
  });
  await api("POST", `/apis/apps/v1/namespaces/${namespace}/statefulsets`, statefulSet("db", "db-login"));
  database.keys.set("old", old);
  scenario.configure(secretSync);
  await scenario.vault.put("db", { PASSWORD: old });
  expect(await scenario.sync()).toMatchObject({ kind: "adopted" });

  await scenario.vault.put("db", { PASSWORD: wanted });
  const held = { kind: "held", holds: [{ reason: "statefulCredential", where: "password" }] };
  expect(await scenario.plan()).toMatchObject(held);
  expect(await scenario.sync()).toMatchObject(held);
  const planned = await scenario.run("plan");
  expect(planned.code).toBe(2);
  expect(planned.stdout.replaceAll(/\s+/g, " ")).toContain(
    "StatefulSet/db reads this from Secret/db-login key password",
  );
  const daemon = await daemons.daemon();
  await until("the daemon holds it", async () => (await daemon.status()).subjects[0]?.outcome === "held");
  expect((await daemon.status()).subjects).toMatchObject([{ reason: "statefulCredential" }]);
  await daemon.stop();
  expect(await scenario.secret("db-login")).toEqual({ password: old });

  scenario.configure(secretSync + policy(database.url));
  const refused = await scenario.sync();
  expect(refused).toMatchObject(held);
  expect(JSON.stringify(refused)).toContain("does not take the value that the store holds now");
  expect(await generation()).toBe(1);

  database.keys.set("wanted", wanted);
  expect(await scenario.sync()).toMatchObject({ kind: "changed", restarted: ["StatefulSet/db"] });
  expect(await scenario.secret("db-login")).toEqual({ password: wanted });
  expect(await generation()).toBe(2);

  await scenario.vault.put("db", { PASSWORD: old });
  scenario.configure(`${secretSync}  guards: { statefulCredential: allow }\n`);
  expect(await scenario.sync()).toMatchObject({ kind: "changed" });
});

function statefulSet(name: string, secret: string): object {
  const labels = { app: name };
  const env = [{ name: "POSTGRES_PASSWORD", valueFrom: { secretKeyRef: { name: secret, key: "password" } } }];
  const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
  return {
    metadata: { name },
    spec: {
      serviceName: name,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name, image: "example.org/db:1", env }] } },
      volumeClaimTemplates: [{ metadata: { name: "data" }, spec }],
    },
  };
}
