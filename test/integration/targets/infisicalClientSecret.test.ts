// Client secrets of a machine identity, made, tried and revoked.
import { afterEach, beforeEach, expect, test } from "vitest";
import { SecretValue } from "../../../src/core/secretValue.ts";
import type { RotationTarget, Store, TargetChange } from "../../../src/ports.ts";
import { storeCredentialTarget } from "../../../src/targets/storeCredential.ts";
import { canary } from "../../support/canary.ts";
import { type InfisicalFixture, infisicalFixture } from "../../support/infisicalFixture.ts";
import type { Identity } from "../../support/infisicalTokens.ts";
import { expectFault, expectSilent } from "../../support/silence.ts";

const signal = new AbortController().signal;
let world: InfisicalFixture;
let store: Store;
let identity: Identity;
let target: RotationTarget;
beforeEach(async () => {
  world = await infisicalFixture();
  identity = world.server.addIdentity("universal", canary("by-hand"));
  store = world.store();
  target = targetOf(identity.id);
});
afterEach(() => world.close());

function targetOf(identityId: string): RotationTarget {
  return storeCredentialTarget(store.credentialsOf!({ kind: "identity", identityId }), "store infisical");
}

async function changeOf(): Promise<TargetChange> {
  const [current, next] = [await target.create!("before", signal), await target.create!("this-one", signal)];
  return { rotation: "this-one", current: { user: undefined, ...current }, next: { user: undefined, ...next } };
}

/** An hour later on the server's clock: wrong logins of before no longer lock anything. */
const later = (): void => world.clock.advance(3_600_000);

test("a new client secret logs in beside the old one, until that is revoked, which may be repeated", async () => {
  const change = await changeOf();
  expect(await target.test(change.current, signal)).toBe("accepted");
  expect(await target.test(change.next, signal)).toBe("accepted");
  await target.retire(change, signal);
  await target.retire(change, signal);
  expect(await target.test(change.current, signal)).toBe("refused");
  expect(await target.test(change.next, signal)).toBe("accepted");
  await target.undo(change, signal);
  expect(await target.test(change.next, signal)).toBe("refused");
});

test("a first one that a person made is found by how it begins", async () => {
  const { next } = await changeOf();
  const current = { user: undefined, value: SecretValue.fromText(identity.proof), id: undefined };
  const change = { rotation: "this-one", current, next };
  expect(await target.test(current, signal)).toBe("accepted");
  await target.retire(change, signal);
  expect(await target.test(current, signal)).toBe("refused");
  await target.retire(change, signal);
  expect(await target.test(next, signal)).toBe("accepted");
});

test("two that begin alike are not guessed between: the old one is revoked by hand, and then it goes on", async () => {
  const twin = {
    id: "twin",
    secret: `${identity.proof.slice(0, 8)}-twin`,
    description: "",
    createdAt: "",
    revoked: false,
  };
  const { next } = await changeOf();
  world.server.addClientSecret(identity, twin);
  const current = { user: undefined, value: SecretValue.fromText(identity.proof), id: undefined };
  const change = { rotation: "this-one", current, next };
  const error = await expectFault("TargetRefused", async () => await target.retire(change, signal));
  expect(error.message).toContain("Revoke it by hand");
  world.server.revokeProof(identity);
  await target.retire(change, signal);
  expect(await target.test(next, signal)).toBe("accepted");
});

test("a locked identity says nothing of a secret: it is asked again later", async () => {
  const { next } = await changeOf();
  const wrong = { ...next, value: SecretValue.fromText(canary("wrong")) };
  for (let count = 0; count < 3; count += 1) expect(await target.test(wrong, signal)).toBe("refused");
  await expectFault("TargetUnavailable", async () => await target.test(next, signal));
  later();
  expect(await target.test(next, signal)).toBe("accepted");
});

test("an identity that is none, one of another method, and missing rights are refusals", async () => {
  const other = world.server.addIdentity("token", canary("unused"));
  for (const id of ["00000000-0000-4000-8000-000000000000", other.id]) {
    const error = await expectFault("TargetRefused", async () => await targetOf(id).create!("r", signal));
    expect(error.message).toContain("no such identity with universal auth");
  }
  world.server.setRole(world.machine.id, "no-access");
  const denied = await expectFault("TargetRefused", async () => await target.create!("r", signal));
  expect(denied.message).toContain("client secrets");
  expect(await target.check(signal)).toMatchObject({ ok: false });
});

test("check, and an owner of another kind", async () => {
  const line = await target.check(signal);
  expect(line).toMatchObject({ ok: true });
  expectSilent(line);
  await expectFault("ConfigInvalid", async () => {
    store.credentialsOf!({ kind: "appRole", role: "r", mount: "approle" });
    return await Promise.resolve();
  });
});
