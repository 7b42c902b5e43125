import { afterEach, beforeEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { generationOf } from "../../support/deployment.ts";
import type { Release } from "../../support/release.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
let web: Release;

beforeEach(async () => {
  scenario = await openScenario(import.meta.dirname);
  // A value that is a template makes each pass render anew: those calls are to be met as well.
  web = await scenario.install("web", "web", { token: canary("first"), unused: "{{ .Values.url }}" });
});
afterEach(() => scenario.close());

interface State {
  readonly revision: number;
  readonly generation: number;
  readonly intents: number;
}

async function look(): Promise<State> {
  return {
    revision: await web.revision(),
    generation: await generationOf(scenario.api, scenario.namespace, "web"),
    intents: scenario.audit().filter(({ kind }) => kind === "intent").length,
  };
}

test.each(["before", "after"] as const)(
  "a pass that is killed right %s any of its port calls is ended by the next one: one upgrade, one restart",
  { timeout: 600_000 },
  async (when) => {
    await scenario.vault.put("web", { TOKEN: canary("whole") });
    const calls = await scenario.calls();
    expect(calls.map(({ name }) => name)).toEqual(expect.arrayContaining(EFFECTS));
    // How often it looks for readiness is a matter of luck.
    for (const call of calls.filter(({ name, number }) => name !== "workloads.get" || number === 1)) {
      const where = `killed ${when} ${call.name} ${call.number}`;
      const token = canary("token");
      await scenario.vault.put("web", { TOKEN: token });
      const start = await look();
      const { signal } = await scenario.crash(when, call);
      const crashed = await look();
      const made = crashed.revision - start.revision;
      const intended = crashed.intents - start.intents;
      expect({ where, signal, made }).toEqual({ where, signal: "SIGKILL", made: Math.min(made, intended, 1) });

      const [outcome] = await scenario.pass("sync");
      expect(["changed", "adopted", "inSync"]).toContain(outcome!.kind);
      const { revision, generation } = await look();
      const live = (await scenario.secret("web"))["token"];
      const next = await scenario.pass("plan");
      expect({ where, revision, generation, live, next }).toEqual({
        where,
        revision: start.revision + 1,
        generation: start.generation + 1,
        live: token,
        next: [{ kind: "inSync" }],
      });
    }
  },
);

test("a workload that the chart itself has rolled is not restarted once more by who ends the pass", async () => {
  const rolled = await scenario.install("rolled", "checksum", { token: canary("first") });
  scenario.configure(
    scenario.config().replace("__CHARTS__/web", "__CHARTS__/checksum").replace("name: web", "name: rolled"),
  );
  await scenario.vault.put("web", { TOKEN: canary("next") });
  const before = await generationOf(scenario.api, scenario.namespace, "rolled");
  expect(await scenario.crash("after", { name: "helm.upgrade", number: 1 })).toMatchObject({ signal: "SIGKILL" });
  expect(await scenario.sync()).toMatchObject({ kind: "adopted" });
  const after = await generationOf(scenario.api, scenario.namespace, "rolled");
  expect({ revision: await rolled.revision(), rolls: after - before }).toEqual({ revision: 2, rolls: 1 });
});

const EFFECTS = [
  "audit.append",
  "statuses.put",
  "helm.render",
  "helm.upgrade",
  "workloads.annotatePods",
  "events.emit",
];
