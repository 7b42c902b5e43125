import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { type DaemonScenario, expectWhole, openDaemonScenario, until } from "../../support/daemon.ts";

let scenario: DaemonScenario;
afterEach(() => scenario.close());

test("when a store loses most of its keys everything on it is held until a person says that it is meant", async () => {
  scenario = await openDaemonScenario(import.meta.dirname);
  const [token, kept, moved] = [canary("token"), canary("kept"), canary("moved")];
  const web = await scenario.install("web", "checksum", { token });
  const other = await scenario.install("other", "checksum", { token: kept });
  const many = { TOKEN: token, A: canary("a"), B: canary("b"), C: canary("c") };
  await scenario.vault.put("web", many);
  await scenario.vault.put("other", { TOKEN: kept });
  const daemon = await scenario.daemon();
  await scenario.recorded([web, other], "adopted");

  await scenario.vault.put("web", { ANOTHER: canary("another") });
  await scenario.vault.put("other", { TOKEN: moved });
  const store = async () => (await daemon.status()).stores[0];
  await until("it is suspicious", async () => (await store())?.state === "suspicious");
  await until("both are held", async () => {
    const notes = await Promise.all(["web", "other"].map(async (name) => (await scenario.record(name))?.noted));
    return notes.every((note) => note?.outcome === "held" && note.reason.startsWith("suspicious"));
  });
  await until("people are told", async () => (await scenario.events("StoreSuspicious")).length === 1);
  expect(daemon.log().filter(({ msg }) => msg.startsWith("a store lost too much"))).toHaveLength(1);
  expect((await daemon.get("/readyz")).status).toBe(200);

  const resume = await scenario.run("resume", ["vault"], { POD_NAMESPACE: scenario.namespace });
  expect(resume).toMatchObject({ code: 0, stderr: "" });
  await scenario.recorded([other], "changed");
  await until("the other is held for what it is", async () => {
    return (await scenario.record("web"))?.noted?.reason === "missing at token";
  });
  expect((await store())?.state).toBe("ok");

  await scenario.vault.put("web", many);
  await until("it is back", async () => (await scenario.record("web"))?.noted === undefined);
  await daemon.stop();
  await expectWhole(scenario, [
    { release: web, values: { token }, revision: 1 },
    { release: other, values: { token: moved }, revision: 2 },
  ]);
});

test("a store that loses them for one read only has changed nothing", async () => {
  scenario = await openDaemonScenario(import.meta.dirname);
  const token = canary("token");
  const web = await scenario.install("web", "checksum", { token });
  const other = await scenario.install("other", "checksum", { token });
  await scenario.vault.put("web", { TOKEN: token, MORE: canary("more") });
  await scenario.vault.put("other", { TOKEN: token });
  const daemon = await scenario.daemon();
  await scenario.recorded([web, other], "adopted");
  await scenario.vault.remove("web");
  const state = async (): Promise<unknown> => (await daemon.status()).stores[0]?.state;
  await until("it is suspicious", async () => (await state()) === "suspicious");
  await scenario.vault.put("web", { TOKEN: token, MORE: canary("more") });
  await until("it is believed", async () => (await state()) === "ok");
  await until("nothing is held", async () =>
    (await daemon.status()).subjects.every(({ outcome }) => outcome === "inSync"),
  );
  await daemon.stop();
  await expectWhole(scenario, [
    { release: web, values: { token }, revision: 1 },
    { release: other, values: { token }, revision: 1 },
  ]);
});
