import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { repository } from "../../../scripts/artifacts.mjs";
import { canary } from "../../support/canary.ts";
import { waitUntil } from "../../support/process.ts";
import type { Release } from "../../support/release.ts";
import { openScenario, parsedOutcome, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
let app: Release;
const old = canary("old");
const wanted = canary("wanted");
/** The chart's pre-upgrade hook never ends with such a value: it holds helm in the middle. */
const stuck = `${canary("wanted")}-stuck`;

async function begin(major: 3 | 4 = 4): Promise<void> {
  scenario = await openScenario(import.meta.dirname, { helm: major });
  app = await scenario.install("app", "hook", { token: old });
}
afterEach(() => scenario.close());

const program = (name: string): string => join(repository, "test/fixtures/programs", name);

async function expectUntouched(): Promise<void> {
  expect(await app.revision()).toBe(1);
  expect(await scenario.secret("app")).toEqual({ token: old });
  expect(scenario.audit()).toEqual([]);
}

const lockedAt = (revision: number): Promise<void> =>
  waitUntil(
    "helm is in the middle",
    async () => (await app.history()).some((one) => one.revision === revision && one.status === "pending-upgrade"),
    { processes: [], timeoutMs: 40_000 },
  );

/** Puts the hook's pod on the node that it could not go to. */
async function letTheHookEnd(): Promise<void> {
  const { items } = await scenario.object<{
    items: readonly { metadata: { name: string }; spec: { nodeName?: string } }[];
  }>("v1/pods");
  const nodes = (await scenario.api("GET", "/api/v1/nodes")).body as {
    items: readonly { metadata: { name: string } }[];
  };
  const waiting = items.filter(({ spec }) => spec.nodeName === undefined);
  for (const { metadata } of waiting) {
    await scenario.api("POST", `/api/v1/namespaces/${scenario.namespace}/pods/${metadata.name}/binding`, {
      metadata,
      target: { kind: "Node", name: nodes.items[0]!.metadata.name },
    });
  }
}

describe("a helm that cannot be used changes nothing and is named", () => {
  beforeEach(() => begin());
  test.each([
    ["missing", "/nowhere/helm", "HelmMissing", "Install helm 3.17+ or 4.1+"],
    ["too old", program("old-helm"), "HelmUnsupported", "helm 3.16 is not supported"],
    ["no helm at all", program("no-helm"), "HelmUnsupported", "does not print a helm version"],
    ["hanging", program("hanging-helm"), "HelmTimeout", "ran past its timeout"],
  ])("%s", async (_what, binary, code, message) => {
    await scenario.vault.put("app", { TOKEN: wanted });
    const outcome = await scenario.sync({ HELM_BIN: binary });
    expect(outcome).toMatchObject({ kind: "failed", code, message: expect.stringContaining(message) });
    await expectUntouched();
  });
});

test("helm's own timeout is a failed upgrade, and the old values are put back", async () => {
  await begin();
  scenario.configure(scenario.config().replace("60s", "4s"));
  await scenario.vault.put("app", { TOKEN: stuck });
  const outcome = await scenario.sync();
  expect(outcome).toMatchObject({ kind: "restored", revision: 3 });
  expect(await app.values()).toEqual({ token: old });
  expect(await scenario.secret("app")).toEqual({ token: old });
});

describe.each([3, 4] as const)("helm %i in the middle of an upgrade", (major) => {
  beforeEach(async () => {
    await begin(major);
    await scenario.vault.put("app", { TOKEN: stuck });
  });

  test("gets a SIGTERM from somebody: it ends in order, and the old values are put back", async () => {
    const running = scenario.start("sync", ["-o", "json"]);
    await lockedAt(2);
    process.kill((await running.helm("--hide-notes")).pid, "SIGTERM");
    const outcome = parsedOutcome(await running.end);
    expect(outcome).toMatchObject({ kind: "restored", revision: 3 });
    expect(await app.values()).toEqual({ token: old });
    expect(scenario.audit().map(({ kind, action, outcome: end = "" }) => `${kind} ${action} ${end}`)).toEqual([
      "intent upgrade ",
      "result upgrade failed",
      "intent restore ",
      "result restore restored",
    ]);
  });

  test("gets a SIGKILL: that is told, the lock is respected, and goes on once it is released", async () => {
    const running = scenario.start("sync", ["-o", "json"]);
    await lockedAt(2);
    process.kill((await running.helm("--hide-notes")).pid, "SIGKILL");
    const outcome = parsedOutcome(await running.end);
    expect(outcome).toMatchObject({ kind: "failed", code: "UpgradeFailed" });
    expect(outcome["message"]).toContain("killed by a signal");
    expect(scenario.audit()).toMatchObject([{ kind: "intent" }, { kind: "result", outcome: "failed" }]);

    await scenario.vault.put("app", { TOKEN: wanted });
    expect(await scenario.sync()).toMatchObject({ kind: "held", holds: [{ reason: "locked", where: "revision 2" }] });
    expect(await app.revision()).toBe(2);
    await app.rollback(1);
    expect(await scenario.sync()).toMatchObject({ kind: "changed", revision: 4 });
    expect(await scenario.secret("app")).toEqual({ token: wanted });
  });

  test("helmwarden gets a SIGKILL: helm goes on by itself, and the next pass finds what it made", async () => {
    const running = scenario.start("sync", ["-o", "json"]);
    await lockedAt(2);
    running.child.kill("SIGKILL");
    await running.end;
    expect(await scenario.sync()).toMatchObject({ kind: "held", holds: [{ reason: "locked", where: "revision 2" }] });
    await letTheHookEnd();
    const deployed = async (): Promise<boolean> => (await app.history()).at(-1)!.status === "deployed";
    await waitUntil("helm has ended", deployed, { processes: [], timeoutMs: 20_000 });
    expect(await scenario.sync()).toEqual({ kind: "adopted" });
    expect(await app.revision()).toBe(2);
    expect(await scenario.secret("app")).toEqual({ token: stuck });
    expect(scenario.audit().map(({ kind, action }) => `${kind} ${action}`)).toEqual(["intent upgrade", "result adopt"]);
  });

  test("helmwarden gets a SIGTERM: helm ends in order, the lock is free, and both are on record", async () => {
    const running = scenario.start("sync", ["-o", "json"]);
    await lockedAt(2);
    running.child.kill("SIGTERM");
    const end = await running.end;
    expect(end).toMatchObject({ code: 1, signal: null, stderr: "" });
    expect(parsedOutcome(end)).toMatchObject({ kind: "failed", code: "Cancelled" });
    expect((await app.history()).at(-1)).toMatchObject({ revision: 2, status: "failed" });
    expect(scenario.audit()).toMatchObject([
      { kind: "intent", action: "upgrade" },
      { kind: "result", action: "upgrade", outcome: "failed", reason: expect.stringContaining("Cancelled") },
    ]);

    await scenario.vault.put("app", { TOKEN: wanted });
    expect(await scenario.sync()).toMatchObject({ kind: "changed", revision: 3 });
    expect(await scenario.secret("app")).toEqual({ token: wanted });
  });
});
