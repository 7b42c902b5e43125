import { expect, test } from "vitest";
import type { RotationPolicy } from "../../../../src/core/rotation/policy.ts";
import { parseState } from "../../../../src/core/rotation/state.ts";
import { SecretValue } from "../../../../src/core/secretValue.ts";
import { rotate } from "../../../../src/operations/rotate/rotate.ts";
import { canary } from "../../../support/canary.ts";
import { Crash, NOW, openModel } from "./model.ts";

const STRATEGIES = ["dual", "alternating", "single"] as const;
const signal = new AbortController().signal;
type Model = ReturnType<typeof openModel>;

/** As often as it takes; a try that fails for a reason that passes is followed by another. */
async function toTheEnd({ ports, policy }: Model) {
  for (let attempt = 0; attempt < 5; attempt += 1) {
    try {
      return await rotate(ports, policy, NOW, signal);
    } catch {
      // As the daemon does: the next tick tries again.
    }
  }
  throw new Error("it never ended");
}

function expectWhole({ store, database, current }: Model, before: string): void {
  const state = parseState(SecretValue.fromText(store.keys.get("PASSWORD__ROTATION") ?? ""));
  expect(state).toBeDefined();
  expect(state?.attempt).toBeUndefined();
  expect(state?.rotatedAt).toBeDefined();
  expect(database.takes(current())).toBe(true);
  const valid = [...database.users.values()].flatMap((passwords) => [...passwords]);
  expect(valid).toEqual([store.keys.get("PASSWORD")]);
  expect(store.keys.get("PASSWORD")).not.toBe(before);
  expect(store.keys.get("OTHER")).toBe("stays");
}

test.each(STRATEGIES)(
  "%s: one rotation ends with one valid password, in the store and in the database",
  async (strategy) => {
    const before = canary("old");
    const model = openModel(strategy, before);
    const outcome = await rotate(model.ports, model.policy, NOW, signal);
    expect(outcome.kind).toBe("rotated");
    expectWhole(model, before);
    expect(model.made()).toBe(1);
    expect(model.records.map(({ kind, action }) => `${kind} ${action}`)).toEqual(
      ["create", "set", "finish", "retire"].flatMap((step) => [`intent rotation.${step}`, `result rotation.${step}`]),
    );
    expect(JSON.stringify(model.records)).not.toContain("hwcanary");
  },
);

test.each(STRATEGIES)(
  "%s: killed before and after each effect, the next try ends it with the same value",
  async (strategy) => {
    const whole = openModel(strategy, canary("count"));
    await rotate(whole.ports, whole.policy, NOW, signal);
    expect(whole.effects.count).toBeGreaterThanOrEqual(4);
    for (let effect = 0; effect < whole.effects.count; effect += 1) {
      for (const when of ["before", "after"] as const) {
        const before = canary("old");
        const model = openModel(strategy, before);
        model.effects.at = { effect, when };
        await expect(rotate(model.ports, model.policy, NOW, signal)).rejects.toThrow(Crash);
        // What the apps have is what the store says; it goes on working, but for `single` between set and finish.
        expect(strategy === "single" || model.database.takes(model.current())).toBe(true);
        model.effects.at = undefined;
        expect((await toTheEnd(model)).kind).toBe(
          effect === whole.effects.count - 1 && when === "after" ? "notDue" : "rotated",
        );
        expectWhole(model, before);
        expect(model.made()).toBe(effect === 0 && when === "before" ? 2 : 1);
      }
    }
  },
);

test.each(STRATEGIES)("%s: a value that the database refuses is dropped, and the old one stays", async (strategy) => {
  const before = canary("old");
  const model = openModel(strategy, before);
  model.database.refuses = (password) => password !== before;
  const outcome = await rotate(model.ports, model.policy, NOW, signal);
  expect(outcome).toMatchObject({ kind: "failed", code: "TargetRefused" });
  expect(model.store.keys.get("PASSWORD")).toBe(before);
  expect(model.database.takes(model.current())).toBe(true);
  expect(model.store.keys.get("PASSWORD__ROTATION")).not.toContain("next");

  model.database.refuses = undefined;
  expect((await toTheEnd(model)).kind).toBe("rotated");
  expect(model.made()).toBe(2);
  expectWhole(model, before);
});

test.each(STRATEGIES)("%s: an answer that is lost after the change is found out by a login", async (strategy) => {
  const before = canary("old");
  const model = openModel(strategy, before);
  model.database.dropsAnswer = true;
  await expect(rotate(model.ports, model.policy, NOW, signal)).rejects.toMatchObject({ code: "TargetUnavailable" });
  expect((await toTheEnd(model)).kind).toBe("rotated");
  expect(model.made()).toBe(1);
  expect(model.records.filter(({ action, kind }) => action === "rotation.set" && kind === "intent")).toHaveLength(1);
  expectWhole(model, before);
});

test.each(STRATEGIES)("%s: what a person writes meanwhile wins, and the database learns it", async (strategy) => {
  const [before, theirs] = [canary("old"), canary("theirs")];
  const model = openModel(strategy, before);
  let writes = 0;
  model.store.beforeWrite = () => {
    writes += 1;
    if (writes === 2) model.store.keys.set("PASSWORD", theirs);
  };
  const outcome = await toTheEnd(model);
  expect(outcome.kind).toBe("rotated");
  expect(model.store.keys.get("PASSWORD")).toBe(theirs);
  expect(model.database.takes(model.current())).toBe(true);
  const valid = [...model.database.users.values()].flatMap((passwords) => [...passwords]);
  expect(valid).toEqual([theirs]);
});

test.each(STRATEGIES)("%s: theirs refused by the database, the old one stays valid there", async (strategy) => {
  const [before, theirs] = [canary("old"), canary("theirs")];
  const model = openModel(strategy, before);
  model.database.refuses = (password) => password === theirs;
  let writes = 0;
  model.store.beforeWrite = () => {
    writes += 1;
    if (writes === 2) model.store.keys.set("PASSWORD", theirs);
  };
  expect(await toTheEnd(model)).toMatchObject({ kind: "failed", code: "TargetRefused" });
  expect(model.database.takes({ user: "app", value: SecretValue.fromText(before) })).toBe(true);
  expect(model.store.keys.get("PASSWORD__ROTATION")).not.toContain("next");
});

test("a key that the target made is ended there where the store does not take it", async () => {
  const model = openModel("dual", canary("old"));
  const ended: string[] = [];
  const target = {
    ...model.database.target,
    create: () => Promise.resolve({ value: SecretValue.fromText(canary("made")), id: "key-1" }),
    undo: ({ next }: { next: { id: string | undefined } }) => {
      ended.push(next.id ?? "");
      return Promise.resolve();
    },
  };
  let writes = 0;
  model.store.beforeWrite = () => model.store.keys.set("PASSWORD", canary(`theirs-${(writes += 1)}`));
  await expect(rotate({ ...model.ports, target }, model.policy, NOW, signal)).rejects.toMatchObject({
    code: "StoreUnavailable",
  });
  expect(ended).toEqual(["key-1"]);
});

test("a database that does not take the store's value is told before anything is changed", async () => {
  const model = openModel("single", canary("old"));
  model.database.users.set("app", new Set([canary("another")]));
  const outcome = await rotate(model.ports, model.policy, NOW, signal);
  expect(outcome.kind).toBe("refused");
  expect(model.effects.count).toBe(0);
  expect(model.records).toEqual([]);
});

test("a state of a newer program is not touched", async () => {
  const model = openModel("single", canary("old"));
  model.store.keys.set("PASSWORD__ROTATION", JSON.stringify({ format: 2, attempt: {} }));
  expect((await rotate(model.ports, model.policy, NOW, signal)).kind).toBe("refused");
  expect(model.effects.count).toBe(0);
});

test.each([
  ["KC_BOOTSTRAP_ADMIN_PASSWORD", {}, new Map(), "kcadm.sh"],
  ["N8N_ENCRYPTION_KEY", {}, new Map(), "n8n export:credentials"],
  ["PASSWORD", { managedBy: "a static role of Vault" }, new Map(), "made by a static role of Vault"],
  ["PASSWORD", {}, new Map([["PASSWORD.managedBy", "the Vault role app-db"]]), "made by the Vault role app-db"],
  ["PASSWORD", {}, new Map([["managedBy", "a CronJob"]]), "made by a CronJob"],
] as const)("%s %j %o is refused with what to do instead", async (key, more, notes, advice) => {
  const model = openModel("dual", canary("old"));
  const { ports, policy, database, effects } = model;
  const value = SecretValue.fromText(canary("kept"));
  database.users.set("app", new Set([value.reveal()]));
  const secrets = new Map([[key, { kind: "value", value, version: 1, updatedAt: undefined, ...more } as const]]);
  const readPath = () => Promise.resolve({ kind: "found", secrets, notes } as const);
  const stores = new Map([["vault", { ...model.store.store, readPath }]]);
  const outcome = await rotate({ ...ports, stores }, { ...policy, secret: { ...policy.secret, key } }, NOW, signal);
  expect(outcome).toMatchObject({ kind: "refused", message: expect.stringContaining(advice) as string });
  expect(effects.count).toBe(0);
});

test("the old value stays published for as long as the overlap says, and no longer", async () => {
  const before = canary("old");
  const model = openModel("dual", before);
  const policy = { ...model.policy, overlap: { key: "PREVIOUS", forMs: 60_000 } };
  let now = new Date("2026-11-23T00:00:00Z");
  const ports = { ...model.ports, clock: { ...model.ports.clock, now: () => now } };
  expect((await rotate(ports, policy, NOW, signal)).kind).toBe("waiting");
  expect(model.store.keys.get("PREVIOUS")).toBe(before);
  now = new Date(now.getTime() + 59_000);
  expect((await rotate(ports, policy, NOW, signal)).kind).toBe("waiting");
  now = new Date(now.getTime() + 1_000);
  expect((await rotate(ports, policy, NOW, signal)).kind).toBe("rotated");
  expect(model.store.keys.get("PREVIOUS")).toBe(model.store.keys.get("PASSWORD"));
});

test("of a key pair the old public part stays published, and never the private one", async () => {
  const before = canary("private");
  const model = openModel("dual", before);
  model.store.keys.set("PUBLIC", canary("public-old"));
  const published = model.store.keys.get("PUBLIC");
  const made = {
    value: SecretValue.fromText(canary("next")),
    beside: new Map([["PUBLIC", SecretValue.fromText(canary("public-next"))]]),
  };
  const policy: RotationPolicy = {
    ...model.policy,
    generate: { kind: "ed25519", format: "pem", publicKey: "PUBLIC" },
    overlap: { key: "PREVIOUS", forMs: 60_000 },
  };
  let now = new Date("2026-11-23T00:00:00Z");
  const clock = { ...model.ports.clock, now: () => now };
  const ports = { ...model.ports, clock, generate: () => Promise.resolve(made) };
  expect((await rotate(ports, policy, NOW, signal)).kind).toBe("waiting");
  expect(model.store.keys.get("PREVIOUS")).toBe(published);
  expect(model.store.keys.get("PUBLIC")).toBe(made.beside.get("PUBLIC")?.reveal());
  now = new Date(now.getTime() + 60_000);
  expect((await rotate(ports, policy, NOW, signal)).kind).toBe("rotated");
  expect(model.store.keys.get("PREVIOUS")).toBe(model.store.keys.get("PUBLIC"));
});
