import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
afterEach(() => scenario.close());

test.each([3, 4] as const)("helm %i: only the place that a path names changes", async (helm) => {
  scenario = await openScenario(import.meta.dirname, { helm });
  const first = canary("first");
  const values = {
    servers: [
      { name: "one", password: first, port: 25 },
      { name: "two", password: canary("old"), extra: { deep: [1, 2] } },
    ],
    annotations: { "example.org/key": canary("old"), "example.org/other": "kept" },
    "mail-relay": { accounts: { "no-reply": canary("old"), other: "kept" }, on: true },
  };
  const mail = await scenario.install("mail", "nested", values);
  const wanted = { SECOND: canary("second"), DOTTED: canary("dotted"), DASHED: canary("dashed") };
  await scenario.vault.put("mail", wanted);

  expect(await scenario.sync()).toMatchObject({
    kind: "changed",
    changes: [
      { path: "servers[1].password" },
      { path: "annotations.example\\.org/key" },
      { path: "mail-relay.accounts.no-reply" },
    ],
  });
  const [one, two] = values.servers;
  expect(await mail.values()).toEqual({
    servers: [one, { ...two, password: wanted.SECOND }],
    annotations: { ...values.annotations, "example.org/key": wanted.DOTTED },
    "mail-relay": { accounts: { "no-reply": wanted.DASHED, other: "kept" }, on: true },
  });
  expect(await scenario.secret("mail")).toEqual({
    "server-0": `one=${first}`,
    "server-1": `two=${wanted.SECOND}`,
    dotted: wanted.DOTTED,
    dashed: wanted.DASHED,
  });
});
