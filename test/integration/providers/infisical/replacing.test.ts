// What Infisical does that Vault does not, when keys are replaced: imports, references, its own rotations, an old API.
import { afterEach, expect, test } from "vitest";
import { SecretValue } from "../../../../src/core/secretValue.ts";
import type { Store } from "../../../../src/ports.ts";
import { canary } from "../../../support/canary.ts";
import { type InfisicalFixture, infisicalFixture } from "../../../support/infisicalFixture.ts";

const never = new AbortController().signal;
let world: InfisicalFixture;
afterEach(() => world.close());

const text = (value: string): SecretValue => SecretValue.fromText(value);
const replace = (store: Store, key: string, from: string, to: string): Promise<"written" | "moved"> =>
  store.writer!.replace("/app", new Map([[key, { from: text(from), to: text(to) }]]), never);

test("a server from before v4 is written by v3", async () => {
  world = await infisicalFixture({ v4: "none" });
  const [old, next] = [canary("old"), canary("next")];
  world.server.putSecret("/app", "KEY", old);
  const store = world.store();
  const both = new Map([
    ["KEY", { from: text(old), to: text(next) }],
    ["NEW", { from: undefined, to: text(next) }],
  ]);
  expect(await store.writer!.replace("/app", both, never)).toBe("written");
  const reading = await store.readPath("/app", never);
  const secrets = reading.kind === "found" ? [...reading.secrets] : [];
  expect(secrets.map(([key, secret]) => [key, secret.kind === "value" && secret.value.reveal()])).toEqual([
    ["KEY", next],
    ["NEW", next],
  ]);
  expect(world.server.count("PATCH /api/v3/secrets/batch/raw")).toBe(1);
});

test("what Infisical rotates itself is named as such", async () => {
  world = await infisicalFixture();
  world.server.putSecret("/app", "KEY", canary("key"));
  world.server.rotateItself("/app", "KEY");
  const reading = await world.store().readPath("/app", never);
  expect(reading.kind === "found" && reading.secrets.get("KEY")).toMatchObject({
    managedBy: "an Infisical rotation",
  });
});

test("a secret that is imported, or refers to another one, is refused with the reason", async () => {
  world = await infisicalFixture();
  const [other, own] = [canary("other"), canary("own")];
  world.server.putSecret("/shared", "IMPORTED", other);
  world.server.putSecret("/app", "OWN", own);
  world.server.putSecret("/app", "REFERENCE", "x${OWN}");
  world.server.addImport("/app", "/shared");
  const store = world.store();
  await expect(replace(store, "IMPORTED", other, canary("next"))).rejects.toMatchObject({
    code: "StoreInvalid",
    message: expect.stringContaining("is imported from another folder"),
  });
  await expect(replace(store, "REFERENCE", `x${own}`, canary("next"))).rejects.toMatchObject({
    code: "StoreInvalid",
    message: expect.stringContaining("refers to another secret"),
  });
});

test("a value that Infisical would not keep is encoded, and the mark goes with it", async () => {
  world = await infisicalFixture();
  const value = canary("value");
  world.server.putSecret("/app", "KEY", value);
  const store = world.store();
  const odd = `  ${canary("odd")}`;
  expect(await replace(store, "KEY", value, odd)).toBe("written");
  expect(await replace(store, "KEY", odd, value)).toBe("written");
  const reading = await store.readPath("/app", never);
  const secret = reading.kind === "found" ? reading.secrets.get("KEY") : undefined;
  expect(secret?.kind === "value" && secret.value.reveal()).toBe(value);
  expect(secret?.version).toBe(3);
});

test("a lost answer is asked again, and nothing is written twice", async () => {
  world = await infisicalFixture();
  const [old, next] = [canary("old"), canary("next")];
  world.server.putSecret("/app", "KEY", old);
  const store = world.store({ attemptTimeoutMs: 500, deadlineMs: 1_000 });
  await store.readPath("/app", never);
  world.server.before("PATCH /api/v4/secrets/batch", () => world.server.goSilent("body"));
  await expect(replace(store, "KEY", old, next)).rejects.toMatchObject({ code: "StoreUnavailable" });
  world.server.speak();
  expect(await replace(store, "KEY", old, next)).toBe("written");
  expect(world.server.count("PATCH /api/v4/secrets/batch")).toBe(1);
});

test("new keys beside a key that somebody removes, or makes first, in between: theirs stays, and ours go again", async () => {
  world = await infisicalFixture();
  const [old, next, theirs] = [canary("old"), canary("next"), canary("theirs")];
  const { server } = world;
  const store = world.store();
  const both = new Map([
    ["KEY", { from: text(old), to: text(next) }],
    ["NEW", { from: undefined, to: text(next) }],
  ]);
  const held = async (): Promise<Record<string, string | false>> => {
    const reading = await store.readPath("/app", never);
    const secrets = reading.kind === "found" ? [...reading.secrets] : [];
    return Object.fromEntries(secrets.map(([key, one]) => [key, one.kind === "value" && one.value.reveal()]));
  };
  server.replaceSecrets("/app", { KEY: old, OTHER: theirs });
  server.before("PATCH /api/v4/secrets/batch", () => server.removeSecret("/app", "KEY"));
  expect(await store.writer!.replace("/app", both, never)).toBe("moved");
  expect(await held()).toEqual({ OTHER: theirs });

  server.replaceSecrets("/app", { KEY: old });
  server.before("POST /api/v4/secrets/batch", () => server.putSecret("/app", "NEW", theirs));
  expect(await store.writer!.replace("/app", both, never)).toBe("moved");
  expect(await held()).toEqual({ KEY: old, NEW: theirs });

  server.replaceSecrets("/app", { KEY: old });
  server.before("PATCH /api/v4/secrets/batch", () => server.putSecret("/app", "KEY", theirs));
  expect(await store.writer!.replace("/app", both, never)).toBe("moved");
  expect(await held()).toEqual({ KEY: theirs });
});
