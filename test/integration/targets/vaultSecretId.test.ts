// SecretIDs of a real Vault, made with a token that may do no more than docs/rotation-targets.md says.
import { afterEach, beforeEach, expect, test } from "vitest";
import { SecretValue } from "../../../src/core/secretValue.ts";
import type { RotationTarget, Store, TargetChange } from "../../../src/ports.ts";
import { storeCredentialTarget } from "../../../src/targets/storeCredential.ts";
import { canary } from "../../support/canary.ts";
import { expectFault, expectSilent } from "../../support/silence.ts";
import { given, startVaultFixture, type VaultFixture } from "../../support/vaultFixture.ts";

const signal = new AbortController().signal;
let vault: VaultFixture;
let store: Store;
let target: RotationTarget;
beforeEach(async () => {
  vault = await startVaultFixture();
  await vault.must("POST", "auth/approle/role/other", { token_policies: "app", token_ttl: "1m" });
  const role = "auth/approle/role/other";
  const policy = [
    `path "${role}/role-id" { capabilities = ["read"] }`,
    `path "${role}/secret-id" { capabilities = ["create", "update"] }`,
    `path "${role}/secret-id/destroy" { capabilities = ["create", "update"] }`,
  ].join("\n");
  await vault.must("POST", "sys/policies/acl/app", { policy });
  store = vault.store();
  target = targetOf("other");
}, 60_000);
afterEach(async () => {
  await store.close();
  await vault.close();
});

function targetOf(role: string, mount = "approle"): RotationTarget {
  return storeCredentialTarget(store.credentialsOf!({ kind: "appRole", role, mount }), "store vault");
}

async function changeOf(): Promise<TargetChange> {
  const [current, next] = [await target.create!("before", signal), await target.create!("this-one", signal)];
  return { rotation: "this-one", current: { user: undefined, ...current }, next: { user: undefined, ...next } };
}

test("a new SecretID logs in beside the old one, until that is destroyed, which may be repeated", async () => {
  const change = await changeOf();
  const lookup = await vault.must("POST", "auth/approle/role/other/secret-id-accessor/lookup", {
    secret_id_accessor: change.next.id,
  });
  expect(lookup).toMatchObject({ data: { metadata: { helmwarden_rotation: "this-one" } } });
  expect(await target.test(change.current, signal)).toBe("accepted");
  expect(await target.test(change.next, signal)).toBe("accepted");
  await target.retire(change, signal);
  await target.retire(change, signal);
  expect(await target.test(change.current, signal)).toBe("refused");
  expect(await target.test(change.next, signal)).toBe("accepted");
});

test("undo destroys the new one; a first one that a person made is found by its value", async () => {
  const secret = canary("by-hand");
  await vault.must("POST", "auth/approle/role/other/custom-secret-id", { secret_id: secret });
  const { next } = await changeOf();
  const current = { user: undefined, value: SecretValue.fromText(secret), id: undefined };
  const change = { rotation: "this-one", current, next };
  expect(await target.test(current, signal)).toBe("accepted");
  await target.undo(change, signal);
  await target.undo(change, signal);
  expect(await target.test(next, signal)).toBe("refused");
  await target.retire(change, signal);
  await target.retire(change, signal);
  expect(await target.test(current, signal)).toBe("refused");
});

async function accessors(): Promise<number> {
  const answer = (await vault.must("LIST", "auth/token/accessors")) as { data: { keys: string[] } };
  return answer.data.keys.length;
}

test("a test leaves no token behind", async () => {
  const { current } = await changeOf();
  const before = await accessors();
  await target.test(current, signal);
  expect(await accessors()).toBe(before);
});

test("an unknown role, a mount that is none, and missing rights are refusals with words for each", async () => {
  await expectFault("TargetRefused", async () => await targetOf("nobody").create!("r", signal));
  await expectFault("TargetRefused", async () => await targetOf("other", "nowhere").create!("r", signal));
  await vault.must("POST", "sys/policies/acl/app", { policy: 'path "secret/*" { capabilities = ["read"] }' });
  const error = await expectFault("TargetRefused", async () => await target.create!("r", signal));
  expect(error.message).toContain("auth/approle/role/other");
  expect(await target.check(signal)).toMatchObject({ ok: false });
  await vault.must("POST", "sys/policies/acl/app", { policy: 'path "auth/*" { capabilities = ["read", "update"] }' });
  const unknown = await expectFault("TargetRefused", async () => await targetOf("nobody").create!("r", signal));
  expect(unknown.message).toContain("has no AppRole");
});

test("check, a Vault that is sealed, and an owner of another kind", async () => {
  const line = await target.check(signal);
  expect(line).toMatchObject({ ok: true });
  expectSilent(line);
  await expectFault("ConfigInvalid", async () => {
    store.credentialsOf!({ kind: "identity", identityId: "id" });
    return await Promise.resolve();
  });
  const change = await changeOf();
  await vault.server.seal();
  const brief = vault.store({ deadlineMs: 1_000, auth: { token: given(canary("token")) } });
  const sealed = storeCredentialTarget(brief.credentialsOf!({ kind: "appRole", role: "other", mount: "approle" }), "s");
  await expectFault("TargetUnavailable", async () => await sealed.test(change.current, signal));
  await expectFault("TargetUnavailable", async () => await sealed.retire(change, signal));
  await brief.close();
}, 60_000);
