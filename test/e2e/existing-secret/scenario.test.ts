import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { generationOf, makeDeployment } from "../../support/deployment.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
afterEach(() => scenario.close());

const env = (name: string, secret: string, key: string): object => ({
  name,
  valueFrom: { secretKeyRef: { name: secret, key } },
});
const readers = {
  "by-env": { container: { env: [env("TOKEN", "app-token", "token")] } },
  "by-env-from": { container: { envFrom: [{ secretRef: { name: "app-token" } }] } },
  "by-volume": {
    container: { volumeMounts: [{ name: "secret", mountPath: "/run/secret" }] },
    pod: { volumes: [{ name: "secret", secret: { secretName: "app-token" } }] },
  },
  "another-key": { container: { env: [env("OTHER", "app-token", "other")] } },
  "both-secrets": { container: { env: [env("TOKEN", "app-token", "token"), env("MAIL", "app-mail", "password")] } },
  stranger: {},
};

async function restarts(): Promise<Record<string, number>> {
  const counts = Object.keys(readers).map(async (name) => [
    name,
    (await generationOf(scenario.api, scenario.namespace, name)) - 1,
  ]);
  return Object.fromEntries(await Promise.all(counts)) as Record<string, number>;
}

test("just the mapped keys are written, and just who reads them at start is restarted, once", async () => {
  scenario = await openScenario(import.meta.dirname);
  const { api, namespace, vault } = scenario;
  const [oldToken, oldMail, other] = [canary("old-token"), canary("old-mail"), canary("other")];
  const make = (name: string, data: object): Promise<unknown> =>
    api("POST", `/api/v1/namespaces/${namespace}/secrets`, { metadata: { name }, stringData: data });
  await make("app-token", { token: oldToken, other });
  await make("app-mail", { password: oldMail });
  for (const [name, options] of Object.entries(readers)) await makeDeployment(api, namespace, name, options);

  await vault.put("app", { TOKEN: oldToken, MAIL: oldMail });
  const adopted = await scenario.run("sync");
  expect(adopted).toMatchObject({ code: 0, stderr: "" });
  expect(adopted.stdout).toContain("Sync: 2 adopted.");

  const [token, mail] = [canary("token"), canary("mail")];
  await vault.put("app", { TOKEN: token, MAIL: mail });
  const planned = await scenario.run("plan");
  expect(planned.code).toBe(2);
  expect(planned.stdout).toContain("Plan: 2 to change.");
  expect(await scenario.secret("app-token")).toEqual({ token: oldToken, other });

  const run = await scenario.run("sync");
  expect(run).toMatchObject({ code: 0, stderr: "", helms: [] });
  expect(run.stdout).toContain("Sync: 2 changed.");
  expect(await scenario.secret("app-token")).toEqual({ token, other });
  expect(await scenario.secret("app-mail")).toEqual({ password: mail });
  const once = { "by-env": 1, "by-env-from": 1, "by-volume": 0, "another-key": 0, "both-secrets": 1, stranger: 0 };
  expect(await restarts()).toEqual(once);
  expect((await scenario.run("sync")).stdout).toBe("Sync: 2 in sync.\n");
  expect(await restarts()).toEqual(once);

  const audit = scenario.audit().filter(({ subject }) => subject.endsWith("/app-token"));
  expect(audit).toMatchObject([
    { kind: "result", action: "adopt" },
    { kind: "intent", action: "apply", changes: [{ path: "token" }] },
    { kind: "result", action: "apply", outcome: "changed" },
  ]);
});

test("a Secret that is not there is made, and what somebody patched is put back", async () => {
  scenario = await openScenario(import.meta.dirname);
  const { api, namespace, vault } = scenario;
  const [token, mail] = [canary("token"), canary("mail")];
  await vault.put("app", { TOKEN: token, MAIL: mail });
  await scenario.run("sync");
  expect(await scenario.secret("app-token")).toEqual({ token });

  await api(
    "PATCH",
    `/api/v1/namespaces/${namespace}/secrets/app-token`,
    { stringData: { token: canary("patched"), more: "kept" } },
    "application/merge-patch+json",
  );
  const drift = await scenario.run("plan");
  expect(drift.code).toBe(2);
  expect(drift.stdout).toContain("(drift");
  expect(await scenario.run("sync")).toMatchObject({ code: 0 });
  expect(await scenario.secret("app-token")).toEqual({ token, more: "kept" });
});
