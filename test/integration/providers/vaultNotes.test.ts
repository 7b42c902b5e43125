import { afterEach, beforeEach, expect, test } from "vitest";
import { SecretValue } from "../../../src/core/secretValue.ts";
import { canary } from "../../support/canary.ts";
import { startVaultFixture } from "../../support/vaultFixture.ts";

let vault: Awaited<ReturnType<typeof startVaultFixture>>;
beforeEach(async () => {
  vault = await startVaultFixture();
  const policy = `path "secret/*" { capabilities = ["create", "read", "update"] }`;
  await vault.must("POST", "sys/policies/acl/app", { policy });
});
afterEach(() => vault.close());

const signal = AbortSignal.timeout(60_000);
const notesIn = async (store: ReturnType<typeof vault.store>): Promise<object> => {
  const reading = await store.readPath("web", signal);
  return reading.kind === "found" ? Object.fromEntries(reading.notes ?? []) : {};
};

test("notes go beside what is there, within Vault's limits, and marks of encoded keys stay", async () => {
  const store = vault.store({ mount: "secret" });
  try {
    const bytes = SecretValue.fromBytes(new Uint8Array([0, 255, 254, ...Buffer.from(canary("bytes"))]));
    await store.writer!.create("web", new Map([["blob", bytes]]), signal);
    const first = new Map([
      ["owner", "jane"],
      ["long", "x".repeat(513)],
      ["", "no name"],
      ["key.comment", "ü".repeat(256)],
    ]);
    expect(await store.annotate!("web", first, signal)).toBe(2);
    const reader = vault.store({ mount: "secret" });
    expect(await notesIn(reader)).toEqual({ owner: "jane", "key.comment": "ü".repeat(256) });
    const reading = await reader.readPath("web", signal);
    const held = reading.kind === "found" ? reading.secrets.get("blob") : undefined;
    expect(held?.kind === "value" && held.value.equals(bytes)).toBe(true);

    expect(await store.annotate!("web", new Map([["owner", "somebody else"]]), signal)).toBe(0);
    const many = new Map(Array.from({ length: 60 }, (_, index) => [`note-${index}`, "y"]));
    expect(await store.annotate!("web", many, signal)).toBe(60 - (48 - 3));
    const again = vault.store({ mount: "secret" });
    expect(await notesIn(again)).toMatchObject({ owner: "jane", "note-0": "y" });
    await Promise.all([reader.close(), again.close()]);
  } finally {
    await store.close();
  }
});

test("KV 1 has no place for notes", async () => {
  await vault.must("POST", "sys/policies/acl/app", {
    policy: `path "one/*" { capabilities = ["create", "read", "update"] }`,
  });
  const store = vault.store({ mount: "one" });
  try {
    expect(await store.annotate!("web", new Map([["owner", "jane"]]), signal)).toBe(1);
  } finally {
    await store.close();
  }
});
