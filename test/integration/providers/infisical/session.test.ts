import { afterEach, describe, expect, test } from "vitest";
import { canary } from "../../../support/canary.ts";
import type { InfisicalFixture } from "../../../support/infisicalFixture.ts";
import { given, infisicalFixture, universal } from "../../../support/infisicalFixture.ts";
import { expectFault, expectSilent } from "../../../support/silence.ts";
import type { InfisicalAuth } from "../../../../src/providers/infisical/options.ts";

const signal = new AbortController().signal;
const LOGIN = "POST /api/v1/auth/universal-auth/login";
let fixture: InfisicalFixture;

async function start(...parameters: Parameters<typeof infisicalFixture>): Promise<InfisicalFixture> {
  fixture = await infisicalFixture(...parameters);
  fixture.server.putSecret("/app", "KEY", canary("key"));
  return fixture;
}
afterEach(async () => {
  expectSilent(fixture.log.lines);
  await fixture.close();
});

describe("a token that the server refuses", () => {
  test("expired is 403 TokenError: one new login, which sends no token along", async () => {
    const { server, hurryServer, store, logins } = await start();
    const infisical = store();
    await infisical.readPath("/app", signal);
    hurryServer(601_000);
    expect(await infisical.readPath("/app", signal)).toMatchObject({ kind: "found" });
    expect(logins()).toBe(2);
    const sent = server.requests.filter(({ route }) => route.startsWith("/api/v1/auth/"));
    expect(sent.map(({ authorization }) => authorization)).toEqual([undefined, undefined]);
  });

  test("revoked is 401: one new login", async () => {
    const { server, store, logins } = await start();
    const infisical = store();
    await infisical.readPath("/app", signal);
    server.revokeTokens();
    expect(await infisical.readPath("/app", signal)).toMatchObject({ kind: "found" });
    expect(logins()).toBe(2);
  });

  test("used up is 401: a new login after each use", async () => {
    const { store, logins } = await start({}, { usesLimit: 1 });
    const infisical = store();
    for (let count = 0; count < 3; count += 1) await infisical.readPath("/app", signal);
    expect(logins()).toBe(3);
  });

  test("refused again after a login is denied, not tried for ever", async () => {
    const { server, store, logins } = await start();
    const infisical = store();
    await infisical.readPath("/app", signal);
    server.refuseTokens();
    for (let count = 0; count < 3; count += 1) {
      await expectFault("StoreDenied", () => infisical.readPath("/app", signal));
    }
    expect(logins()).toBe(2);
  });

  test.each(["none", "no-access"] as const)("a real denial (%s) is no reason to log in again", async (role) => {
    const { store, logins } = await start({}, { role });
    const error = await expectFault("StoreDenied", () => store().readPath("/app", signal));
    expect(error.message).not.toContain(fixture.server.projectId);
    expect(logins()).toBe(1);
  });
});

describe("a token's life", () => {
  test("it is renewed after two thirds, once for all who read, without a bearer", async () => {
    const { server, clock, store, logins, renewals } = await start();
    const infisical = store();
    const readMany = () => Promise.all(["/a", "/b", "/app", "/d"].map((path) => infisical.readPath(path, signal)));
    await readMany();
    clock.advance(390_000);
    await readMany();
    expect([logins(), renewals()]).toEqual([1, 0]);
    clock.advance(20_000);
    await readMany();
    expect([logins(), renewals()]).toEqual([1, 1]);
    expect(server.requests.find(({ route }) => route.endsWith("/renew"))?.authorization).toBeUndefined();
  });

  test("near its maximum a login takes the place of ever shorter renewals", async () => {
    const { clock, store, logins, renewals } = await start({}, { ttl: 600, maxTtl: 900 });
    const infisical = store();
    await infisical.readPath("/app", signal);
    clock.advance(410_000);
    await infisical.readPath("/app", signal);
    expect([logins(), renewals()]).toEqual([2, 1]);
    clock.advance(390_000);
    await infisical.readPath("/app", signal);
    expect([logins(), renewals()]).toEqual([2, 1]);
  });

  test("after its end it is not renewed but replaced", async () => {
    const { clock, store, logins, renewals } = await start();
    const infisical = store();
    await infisical.readPath("/app", signal);
    clock.advance(700_000);
    await infisical.readPath("/app", signal);
    expect([logins(), renewals()]).toEqual([2, 0]);
  });

  test("a renewal that fails is followed by a login", async () => {
    const { server, clock, store, logins, renewals } = await start();
    const infisical = store();
    await infisical.readPath("/app", signal);
    server.revokeTokens();
    clock.advance(410_000);
    expect(await infisical.readPath("/app", signal)).toMatchObject({ kind: "found" });
    expect([logins(), renewals()]).toEqual([2, 1]);
  });

  test("closing revokes what a login made", async () => {
    const { server, store } = await start();
    const infisical = store();
    await infisical.readPath("/app", signal);
    await infisical.close();
    expect(server.count("POST /api/v1/auth/token/revoke")).toBe(1);
  });
});

describe("logging in", () => {
  test("many readers share one login, and one of them may give up", async () => {
    const { store, logins } = await start();
    const infisical = store();
    const controller = new AbortController();
    const aborted = expectFault("Cancelled", () => infisical.readPath("/app", controller.signal));
    const others = Array.from({ length: 20 }, () => infisical.readPath("/app", signal));
    controller.abort();
    await aborted;
    expect(await Promise.all(others)).toHaveLength(20);
    expect(logins()).toBe(1);
  });

  test("a refused one is not repeated for as long as a lockout lasts, then with the credential as it is then", async () => {
    const { server, clock, machine, secret, store } = await start();
    let written = canary("wrong");
    const auth = { ...universal(machine, secret), clientSecret: () => given(`${written}\n`)() } as InfisicalAuth;
    const infisical = store({ auth });
    await expectFault("StoreDenied", () => infisical.readPath("/app", signal));
    written = secret;
    for (let count = 0; count < 5; count += 1) {
      clock.advance(59_000);
      await expectFault("StoreDenied", () => infisical.readPath("/app", signal));
    }
    expect(server.count(LOGIN)).toBe(1);
    clock.advance(20_000);
    expect(await infisical.readPath("/app", signal)).toMatchObject({ kind: "found" });
  });

  test("a locked identity says so by StoreDenied", async () => {
    const { machine, store, secret } = await start();
    for (let count = 0; count < 3; count += 1) {
      const wrong = store({ auth: universal(machine, canary("wrong")) });
      await expectFault("StoreDenied", () => wrong.readPath("/app", signal));
    }
    await expectFault("StoreDenied", () => store({ auth: universal(machine, secret) }).readPath("/app", signal));
  });

  test.each(["kubernetes", "oidc", "jwt", "spiffe", "gcp", "azure"] as const)("%s", async (kind) => {
    const { server, store } = await start();
    const jwt = canary("jwt");
    const { id: identityId } = server.addIdentity(kind, jwt);
    const infisical = store({ auth: { kind, identityId, jwt: given(jwt) } });
    expect(await infisical.readPath("/app", signal)).toMatchObject({ kind: "found" });
    const unknown = store({ auth: { kind, identityId: fixture.machine.id, jwt: given(jwt) } });
    const error = await expectFault("StoreDenied", () => unknown.readPath("/app", signal));
    expect(error.message).toContain("identityId");
  });

  test("one that is refused for what the identity is, is not repeated at once either", async () => {
    const { clock, server, store, logins } = await start();
    const jwt = canary("jwt");
    const auth = { kind: "jwt", identityId: fixture.machine.id, jwt: given(jwt) } as const;
    const infisical = store({ auth });
    for (let count = 0; count < 3; count += 1) {
      await expectFault("StoreDenied", () => infisical.readPath("/app", signal));
    }
    expect(logins()).toBe(1);
    clock.advance(70_000);
    await expectFault("StoreDenied", () => infisical.readPath("/app", signal));
    expect(server.count("POST /api/v1/auth/jwt-auth/login")).toBe(2);
  });

  test("a sub-organization is named in the login, and cannot be for AWS", async () => {
    const { server, store } = await start();
    await store({ organizationSlug: "team-a" }).readPath("/app", signal);
    const { body } = server.requests.find(({ route }) => route.endsWith("/login"))!;
    expect(JSON.parse(body)).toMatchObject({ organizationSlug: "team-a" });
    const aws = { organizationSlug: "team-a", auth: { kind: "aws", identityId: fixture.machine.id } } as const;
    await expectFault("ConfigInvalid", async () => store(aws).readPath("/app", signal));
  });

  test("ldap", async () => {
    const { server, store } = await start();
    const password = canary("password");
    const { id: identityId } = server.addIdentity("ldap", password);
    const infisical = store({ auth: { kind: "ldap", identityId, username: "helm", password: given(password) } });
    expect(await infisical.readPath("/app", signal)).toMatchObject({ kind: "found" });
  });
});

describe("a token that was made elsewhere", () => {
  test("is renewed, and not revoked when we end", async () => {
    const { server, clock, store, renewals } = await start();
    const { accessToken } = server.issueToken(server.addIdentity("token", canary("unused")));
    const infisical = store({ auth: { kind: "token", token: given(accessToken) } });
    await infisical.readPath("/app", signal);
    clock.advance(500_000);
    await infisical.readPath("/app", signal);
    expect(renewals()).toBe(1);
    expect(infisical.ends?.().token).toBeUndefined();
    await infisical.close();
    expect(server.count("POST /api/v1/auth/token/revoke")).toBe(0);
  });

  test("tells when it ends once it cannot be renewed for longer", async () => {
    const { server, clock, store, renewals } = await start({}, { ttl: 600, maxTtl: 900 });
    const identity = server.addIdentity("token", canary("unused"), { ttl: 600, maxTtl: 900 });
    const { accessToken } = server.issueToken(identity);
    const infisical = store({ auth: { kind: "token", token: given(accessToken) } });
    const begun = clock.now().getTime();
    await infisical.readPath("/app", signal);
    expect(infisical.ends?.().token).toBeUndefined();
    clock.advance(410_000);
    await infisical.readPath("/app", signal);
    expect(renewals()).toBe(1);
    expect(Math.round(((infisical.ends?.().token?.getTime() ?? 0) - begun) / 10_000)).toBe(90);
  });

  test("is denied with advice once it has expired or is no token", async () => {
    const { server, clock, store } = await start();
    const { accessToken } = server.issueToken(server.addIdentity("token", canary("unused")));
    clock.advance(700_000);
    const expired = store({ auth: { kind: "token", token: given(accessToken) } });
    const error = await expectFault("StoreDenied", () => expired.readPath("/app", signal));
    expect(error.message).toContain("expired");
    const garbage = store({ auth: { kind: "token", token: given(canary("garbage")) } });
    await expectFault("StoreDenied", () => garbage.readPath("/app", signal));
  });
});
