import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { type InfisicalServer, startInfisical } from "../../support/infisicalServer.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
let server: InfisicalServer;
afterEach(async () => {
  await server.close();
  await scenario.close();
});

test("values come from a folder and its imports with one list call, and a hidden one is held", async () => {
  server = await startInfisical();
  scenario = await openScenario(import.meta.dirname);
  const [token, url, shadowed] = [canary("token"), canary("url"), canary("shadowed")];
  server.putSecret("/shared", "SHARED_URL", url);
  server.putSecret("/shared", "TOKEN", shadowed);
  server.putSecret("/apps/web", "TOKEN", token);
  server.addImport("/apps/web", "/shared");
  const clientSecret = canary("client-secret");
  const { account } = server.addIdentity("universal", clientSecret);
  const env = { INFISICAL_CLIENT_ID: account, INFISICAL_CLIENT_SECRET: clientSecret };
  scenario.configure(scenario.config().replace("__INFISICAL__", server.url).replace("__PROJECT__", server.projectId));
  const web = await scenario.install("web", "web", { token: canary("old"), labels: { kept: "yes" } });

  expect(await scenario.sync(env)).toMatchObject({ kind: "changed", revision: 2 });
  expect(await web.values()).toEqual({ token, url, labels: { kept: "yes" } });
  expect(server.count("GET /api/v4/secrets")).toBe(1);

  server.putSecret("/apps/web", "TOKEN", canary("unseen"));
  server.hide("/apps/web", "TOKEN");
  expect(await scenario.sync(env)).toMatchObject({ kind: "held", holds: [{ reason: "hidden", where: "token" }] });
  expect(await web.revision()).toBe(2);

  const denied = await scenario.run("sync", [], { ...env, INFISICAL_CLIENT_SECRET: canary("wrong") });
  expect(denied.code).toBe(1);
  expect(denied.stdout).toContain("failed (StoreDenied)");
  expect(await web.revision()).toBe(2);
});
