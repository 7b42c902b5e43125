import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
afterEach(() => scenario.close());

const ALL = ["--all", "--store", "vault", "--now", "--reason", "a laptop was stolen", "--wait", "0", "-o", "json"];

interface Printed {
  readonly results: readonly { readonly policy: string; readonly outcome: { readonly kind: string } }[];
}

async function rotateAll() {
  const { code, stdout } = await scenario.run("rotate", ALL);
  const { results } = JSON.parse(stdout) as Printed;
  return { code, results: results.map(({ policy, outcome }) => `${policy} ${outcome.kind}`) };
}

test("after a compromise, everything of a store is rotated, each key of one path, and old ones stay published as long as said", async () => {
  scenario = await openScenario(import.meta.dirname, { vaultWrites: true });
  const [one, two] = [canary("one"), canary("two")];
  await scenario.vault.put("app", { ONE: one, TWO: two });
  await scenario.pass("sync");

  const { code, results } = await rotateAll();
  expect(results).toEqual(["one waiting", "two rotated"]);
  expect(code).toBe(2);
  const now = await scenario.vault.get("app");
  expect(now["ONE_BEFORE"]).toBe(one);
  expect(now["ONE"]).not.toBe(one);
  expect(now["TWO"]).not.toBe(two);
  expect(await scenario.secret("one")).toEqual({ token: now["ONE"] });
  expect(await scenario.secret("two")).toEqual({ token: now["TWO"] });
});

test("what fails first keeps the others from beginning", async () => {
  scenario = await openScenario(import.meta.dirname, { vaultWrites: true });
  const two = canary("two");
  await scenario.vault.put("app", { TWO: two });
  const { code, results } = await rotateAll();
  expect(results).toEqual(["one refused", "two notBegun"]);
  expect(code).toBe(2);
  expect(await scenario.vault.get("app")).toEqual({ TWO: two });
});

test("a compromise needs a reason, and a name", async () => {
  scenario = await openScenario(import.meta.dirname, { vaultWrites: true });
  const noReason = await scenario.run("rotate", ["one", "--now"]);
  expect(noReason.code).toBe(64);
  expect(noReason.stderr).toContain("--reason");
  const noName = await scenario.run("rotate", []);
  expect(noName.code).toBe(64);
  const unknown = await scenario.run("rotate", ["three"]);
  expect(unknown.code).toBe(64);
  expect(unknown.stderr).toContain('"three"');
});
