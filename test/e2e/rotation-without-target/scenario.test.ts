import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
afterEach(() => scenario.close());

const REASON = ["--now", "--reason", "it was on a slide"];

async function rotate(...args: string[]) {
  const { code, stdout, stderr } = await scenario.run("rotate", args);
  return { code, stdout, stderr };
}

test("a rotation makes a new value, brings it to the release, and says so; afterwards the secret is fresh", async () => {
  scenario = await openScenario(import.meta.dirname, { vaultWrites: true });
  const old = canary("old");
  await scenario.vault.put("web", { TOKEN: old, OTHER: canary("other") });
  const web = await scenario.install("web", "checksum", { token: old });
  expect(await scenario.sync()).toMatchObject({ kind: "adopted" });

  const early = await rotate("web-token");
  expect(early).toMatchObject({ code: 0, stderr: "" });
  expect(early.stdout).toContain("not due");
  const dry = await rotate("web-token", "--dry-run");
  expect(dry.code).toBe(0);
  expect(dry.stdout).toContain("Dry run: nothing was written.");
  expect(await scenario.vault.get("web")).toMatchObject({ TOKEN: old });

  const rotated = await rotate("web-token", ...REASON);
  expect(rotated).toMatchObject({ code: 0 });
  expect(rotated.stdout).toContain("rotated");
  const now = await scenario.vault.get("web");
  expect(now["TOKEN"]).toMatch(/^hwcanary-rotated-[0-9a-f]{32}$/);
  expect(await web.values()).toEqual({ token: now["TOKEN"] });
  expect((await scenario.secret("web"))["token"]).toBe(now["TOKEN"]);
  expect(JSON.parse(now["TOKEN__ROTATION"] ?? "")).not.toHaveProperty("attempt");
  expect(JSON.stringify(now)).not.toContain(old);
  const lines = scenario.audit().filter(({ action }) => action.startsWith("rotation."));
  expect(lines.map(({ kind, action }) => `${kind} ${action}`)).toEqual(
    ["create", "finish", "retire"].flatMap((step) => [`intent rotation.${step}`, `result rotation.${step}`]),
  );
  expect(lines[0]?.reason).toBe("it was on a slide");

  const status = await scenario.run("rotation status", ["-o", "json"]);
  expect(status.code).toBe(0);
  expect(JSON.parse(status.stdout)).toMatchObject({
    policies: [{ name: "web-token", state: "fresh", owner: "platform@example.com" }],
  });
});

test("a rotation whose dependent is held is refused before anything changes", async () => {
  scenario = await openScenario(import.meta.dirname, { vaultWrites: true });
  const old = canary("old");
  await scenario.vault.put("web", { TOKEN: old });
  const web = await scenario.install("web", "checksum", { token: old });
  expect(await scenario.sync()).toMatchObject({ kind: "adopted" });
  scenario.configure(scenario.config().replace("spec:\n  chart:", "spec:\n  suspend: true\n  chart:"));

  const refused = await rotate("web-token", ...REASON);
  expect(refused.code).toBe(2);
  expect(refused.stdout).toContain("is suspended");
  expect(await scenario.vault.get("web")).toEqual({ TOKEN: old });
  expect(await web.revision()).toBe(1);
  expect(scenario.audit().filter(({ action }) => action.startsWith("rotation."))).toEqual([]);
});

test("a key that encrypts data is not rotated, and the policy says what to do instead", async () => {
  scenario = await openScenario(import.meta.dirname, { vaultWrites: true });
  scenario.configure(scenario.config().replaceAll("key: TOKEN", "key: N8N_ENCRYPTION_KEY"));
  const old = canary("old");
  await scenario.vault.put("web", { N8N_ENCRYPTION_KEY: old });
  await scenario.install("web", "checksum", { token: old });

  const refused = await rotate("web-token", ...REASON);
  expect(refused.code).toBe(2);
  expect(refused.stdout.replaceAll(/\s+/g, " ")).toContain("n8n export:credentials");
  expect(await scenario.vault.get("web")).toEqual({ N8N_ENCRYPTION_KEY: old });
});
