import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
afterEach(() => scenario.close());

test("one value is put together from several secrets, each encoded for its place", async () => {
  scenario = await openScenario(import.meta.dirname);
  const web = await scenario.install("web", "web", { token: canary("token") });
  const [user, password] = [canary("user"), canary("p@ss:w/rd&100%")];
  await scenario.vault.put("db", { USER: user, PASSWORD: password });

  const outcome = await scenario.sync();
  const from = `vault:${scenario.namespace}/db`;
  expect(outcome).toMatchObject({
    kind: "changed",
    changes: [{ path: "url", sources: [`${from}#USER@1`, `${from}#PASSWORD@1`] }],
  });
  const { url } = (await web.values()) as { url: string };
  expect(url).toBe(`postgres://${user}:${encodeURIComponent(password)}@db:5432/shop`);
  expect(new URL(url).password).toBe(encodeURIComponent(password));
  expect((await scenario.secret("web"))["url"]).toBe(url);

  await scenario.vault.put("db", { USER: user });
  expect(await scenario.sync()).toMatchObject({ kind: "held", holds: [{ reason: "missing", where: "url" }] });
  expect((await scenario.secret("web"))["url"]).toBe(url);
});
