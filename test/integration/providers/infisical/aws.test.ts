import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { canary } from "../../../support/canary.ts";
import type { InfisicalFixture } from "../../../support/infisicalFixture.ts";
import { infisicalFixture } from "../../../support/infisicalFixture.ts";
import { expectFault } from "../../../support/silence.ts";

const signal = new AbortController().signal;
const KEY_ID = "AKIAHELMWARDENTEST00";
let fixture: InfisicalFixture;
beforeEach(async () => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", KEY_ID);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", canary("aws"));
  vi.stubEnv("AWS_REGION", "eu-central-1");
  fixture = await infisicalFixture();
  fixture.server.putSecret("/app", "KEY", canary("key"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await fixture.close();
});

test("logs in by the SDK, and again after the token's end, which a used SDK client cannot", async () => {
  const { server, clock, store, logins, renewals } = fixture;
  const { id: identityId } = server.addIdentity("aws", KEY_ID);
  const infisical = store({ auth: { kind: "aws", identityId } });
  expect(await infisical.readPath("/app", signal)).toMatchObject({ kind: "found" });
  clock.advance(410_000);
  await infisical.readPath("/app", signal);
  expect([logins(), renewals()]).toEqual([1, 1]);
  clock.advance(700_000);
  expect(await infisical.readPath("/app", signal)).toMatchObject({ kind: "found" });
  server.revokeTokens();
  expect(await infisical.readPath("/app", signal)).toMatchObject({ kind: "found" });
  expect(logins()).toBe(3);
  const sent = server.requests.filter(({ route }) => route.endsWith("/login"));
  expect(sent.map(({ authorization }) => authorization)).toEqual([undefined, undefined, undefined]);
});

test("tells refusals apart though the SDK's errors do not", async () => {
  const { server, store, machine } = fixture;
  const { id: identityId } = server.addIdentity("aws", "AKIAOTHER");
  const denied = await expectFault("StoreDenied", () =>
    store({ auth: { kind: "aws", identityId } }).readPath("/app", signal),
  );
  expect(denied.detail).toEqual({ status: 403 });
  const unknown = await expectFault("StoreDenied", () =>
    store({ auth: { kind: "aws", identityId: machine.id } }).readPath("/app", signal),
  );
  expect(unknown.message).not.toContain(machine.id);
});

test("ends with our deadline and not with the SDK's", async () => {
  const { server, store } = fixture;
  const { id: identityId } = server.addIdentity("aws", KEY_ID);
  server.goSilent("answer");
  const infisical = store({ auth: { kind: "aws", identityId }, deadlineMs: 300 });
  await expectFault("StoreUnavailable", () => infisical.readPath("/app", signal));
});

test("with a CA of its own it is refused at once, as the SDK cannot be given one", () => {
  const ca = "-----BEGIN CERTIFICATE-----";
  expect(() => fixture.store({ auth: { kind: "aws", identityId: "x" }, ca })).toThrow(/NODE_EXTRA_CA_CERTS/);
});
