import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
afterEach(() => scenario.close());

const document = (kind: string): string => `apiVersion: helmwarden.dev/v1alpha1
kind: SecretSync
metadata: { name: n8n, namespace: __NAMESPACE__ }
spec:
  data:
    - key: N8N_ENCRYPTION_KEY
      kind: ${kind}
      from: { store: vault, path: __NAMESPACE__/n8n, key: KEY }
    - key: token
      from: { store: vault, path: __NAMESPACE__/n8n, key: TOKEN }
`;

test("in a SecretSync such a key, and a placeholder, are held as well, and `kind: token` lets the key through", async () => {
  scenario = await openScenario(import.meta.dirname);
  const [old, wanted] = [canary("old"), canary("wanted")];
  const body = { metadata: { name: "n8n" }, stringData: { N8N_ENCRYPTION_KEY: old, token: old } };
  await scenario.api("POST", `/api/v1/namespaces/${scenario.namespace}/secrets`, body);
  scenario.configure(document("credential"));
  await scenario.vault.put("n8n", { KEY: wanted, TOKEN: "changeme" });
  expect(await scenario.sync()).toMatchObject({
    kind: "held",
    holds: [
      { reason: "empty", where: "token" },
      { reason: "notRotatable", where: "N8N_ENCRYPTION_KEY" },
    ],
  });
  await scenario.vault.put("n8n", { KEY: wanted, TOKEN: wanted });
  expect(await scenario.sync()).toMatchObject({ kind: "held", holds: [{ reason: "notRotatable" }] });
  expect(await scenario.secret("n8n")).toEqual({ N8N_ENCRYPTION_KEY: old, token: old });

  scenario.configure(document("token"));
  expect(await scenario.sync()).toMatchObject({ kind: "changed" });
  expect(await scenario.secret("n8n")).toEqual({ N8N_ENCRYPTION_KEY: wanted, token: wanted });
});

test("a key that encrypts data at rest is held without a render, and set where there was none", async () => {
  scenario = await openScenario(import.meta.dirname);
  const [old, wanted] = [canary("old"), canary("wanted")];
  const db = await scenario.install("db", "database", { encryptionKey: old });
  await scenario.vault.put("db", { ENCRYPTION_KEY: wanted });
  const run = await scenario.run("sync", ["-o", "json"]);
  expect(run).toMatchObject({ code: 2, helms: [] });
  expect(run.stdout).toContain('"notRotatable"');
  expect(await db.revision()).toBe(1);
  expect((await scenario.secret("db"))["encryption-key"]).toBe(old);

  await db.upgrade(["--reset-values"]);
  expect(await scenario.sync()).toMatchObject({ kind: "changed", revision: 3 });
  expect((await scenario.secret("db"))["encryption-key"]).toBe(wanted);
});
