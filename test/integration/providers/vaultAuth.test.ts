// Every login against a real Vault, and the life of the token that comes of it.
import { generateKeyPairSync, sign } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { VaultAuth } from "../../../src/providers/vault/options.ts";
import type { Store } from "../../../src/ports.ts";
import { SecretValue } from "../../../src/core/secretValue.ts";
import { canary } from "../../support/canary.ts";
import { manualClock, realClock } from "../../support/clock.ts";
import { startControlPlane } from "../../support/controlPlane.ts";
import { expectFault, expectSilent } from "../../support/silence.ts";
import { given, startVaultFixture, type VaultFixture } from "../../support/vaultFixture.ts";

const signal = new AbortController().signal;
let vault: VaultFixture;
const opened: Store[] = [];

beforeAll(async () => {
  vault = await startVaultFixture();
  await vault.must("POST", "secret/data/app", { data: { KEY: canary("value") } });
});
afterEach(async () => {
  vault.relay.answer = () => undefined;
  await Promise.all(opened.splice(0).map((store) => store.close()));
});
afterAll(() => vault.close());

function opening(...options: Parameters<VaultFixture["store"]>): Store {
  const store = vault.store(...options);
  opened.push(store);
  return store;
}

const asAnn = (password: string): VaultAuth => ({ userpass: { username: "ann", password: given(password) } });
const byJwt = (jwt: string): VaultAuth => ({ jwt: { role: "app", jwt: given(jwt) } });
const jwtPart = (content: object): string => Buffer.from(JSON.stringify(content)).toString("base64url");
/** With the line break that a mounted file may end with. */
const byKubernetes = (jwt: string): VaultAuth => ({ kubernetes: { role: "app", jwt: given(`${jwt}\n`) } });

const found = { kind: "found" };
const requestsTo = (path: string): number => vault.relay.requests.filter((request) => request.path === path).length;
const lastToken = (): unknown => vault.relay.requests.at(-1)?.headers["x-vault-token"];
const revokeAll = (): Promise<unknown> => vault.must("POST", "sys/leases/revoke-prefix/auth/approle/login");

describe("logging in", () => {
  it("by AppRole, on another mount as well", async () => {
    expect(await opening().readPath("app", signal)).toMatchObject(found);
    await vault.must("POST", "sys/auth/team%20a&b", { type: "approle" });
    await vault.must("POST", "auth/team%20a&b/role/app", {
      token_policies: "app",
      bind_secret_id: false,
      token_bound_cidrs: "127.0.0.1/32",
    });
    const roleId = canary("role-id");
    await vault.must("POST", "auth/team%20a&b/role/app/role-id", { role_id: roleId });
    const auth: VaultAuth = { appRole: { mount: "team a&b", roleId: given(roleId), secretId: given("unused") } };
    expect(await opening({ auth }).readPath("app", signal)).toMatchObject(found);
  });

  it("by userpass", async () => {
    const password = canary("password");
    await vault.must("POST", "sys/auth/userpass", { type: "userpass" });
    await vault.must("POST", "auth/userpass/users/ann", { password, token_policies: "app" });
    expect(await opening({ auth: asAnn(password) }).readPath("app", signal)).toMatchObject(found);
    await expectFault("StoreDenied", () => opening({ auth: asAnn(canary("wrong")) }).readPath("app", signal));
  });

  it("by JWT, and not with one that has expired", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    await vault.must("POST", "sys/auth/jwt", { type: "jwt" });
    const key = publicKey.export({ type: "spki", format: "pem" });
    await vault.must("POST", "auth/jwt/config", { jwt_validation_pubkeys: [key] });
    await vault.must("POST", "auth/jwt/role/app", {
      role_type: "jwt",
      user_claim: "sub",
      bound_audiences: ["vault"],
      token_policies: "app",
    });
    const jwt = (exp: number): string => {
      const text = `${jwtPart({ alg: "RS256" })}.${jwtPart({ sub: canary("sub"), aud: "vault", exp, nbf: exp - 900 })}`;
      return `${text}.${sign("sha256", Buffer.from(text), privateKey).toString("base64url")}`;
    };
    const now = Math.floor(Date.now() / 1000);
    expect(await opening({ auth: byJwt(jwt(now + 600)) }).readPath("app", signal)).toMatchObject(found);
    await expectFault("StoreDenied", () => opening({ auth: byJwt(jwt(now - 600)) }).readPath("app", signal));
  });

  it("by a Kubernetes service account, at the method's own mount", { timeout: 90_000 }, async () => {
    const dir = mkdtempSync(join(tmpdir(), "helmwarden-kube-"));
    const plane = await startControlPlane({ dir });
    try {
      await plane.api("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
        metadata: { name: "vault-reviews" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "system:auth-delegator" },
        subjects: [{ kind: "ServiceAccount", name: "default", namespace: "default" }],
      });
      const tokens = "/api/v1/namespaces/default/serviceaccounts/default/token";
      const token = async (): Promise<string> => {
        const answer = await plane.api("POST", tokens, { spec: { expirationSeconds: 3600 } });
        return (answer.body as { status: { token: string } }).status.token;
      };
      await vault.must("POST", "sys/auth/kubernetes", { type: "kubernetes" });
      await vault.must("POST", "auth/kubernetes/config", {
        kubernetes_host: plane.server,
        kubernetes_ca_cert: readFileSync(plane.caFile, "utf8"),
        token_reviewer_jwt: await token(),
      });
      await vault.must("POST", "auth/kubernetes/role/app", {
        bound_service_account_names: "default",
        bound_service_account_namespaces: "default",
        token_policies: "app",
      });
      expect(await opening({ auth: byKubernetes(await token()) }).readPath("app", signal)).toMatchObject(found);
      const store = opening({ auth: byKubernetes(canary("jwt")) });
      await expectFault("StoreDenied", () => store.readPath("app", signal));
    } finally {
      await plane.stop();
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it("by a token, which is not revoked in the end", async () => {
    const auth: VaultAuth = { token: given(`${vault.server.rootToken}\n`) };
    const store = vault.store({ auth });
    expect(await store.readPath("app", signal)).toMatchObject(found);
    await store.close();
    expect(await vault.must("GET", "auth/token/lookup-self")).toMatchObject({ data: { ttl: 0 } });
  });

  it("once, however many paths are read at a time", async () => {
    const before = requestsTo("/v1/auth/approle/login");
    const store = opening();
    await Promise.all(Array.from({ length: 30 }, () => store.readPath("app", signal)));
    expect(requestsTo("/v1/auth/approle/login") - before).toBe(1);
    expect(requestsTo("/v1/sys/internal/ui/mounts/secret")).toBeGreaterThan(0);
  });

  it("for the others still when the caller who began it aborts", async () => {
    const store = opening();
    const controller = new AbortController();
    const first = expectFault("Cancelled", () => store.readPath("app", controller.signal));
    const second = store.readPath("app", signal);
    controller.abort();
    await first;
    expect(await second).toMatchObject(found);
  });

  it("is not tried again at once after a refusal, and takes a rotated credential afterwards", async () => {
    const clock = manualClock();
    let secretId = canary("wrong");
    const appRole = { roleId: given(vault.appRole.roleId), secretId: () => given(secretId)() };
    const store = opening({ auth: { appRole } }, { clock });
    const before = requestsTo("/v1/auth/approle/login");
    await expectFault("StoreDenied", () => store.readPath("app", signal));
    await expectFault("StoreDenied", () => store.readPath("app", signal));
    expect(requestsTo("/v1/auth/approle/login") - before).toBe(1);
    secretId = vault.appRole.secretId;
    await clock.advance(6_000);
    expect(await store.readPath("app", signal)).toMatchObject(found);
  });

  it("refuses an empty credential itself: Vault would answer 500", async () => {
    const appRole = { roleId: given(""), secretId: given(vault.appRole.secretId) };
    await expectFault("StoreDenied", () => opening({ auth: { appRole } }).readPath("app", signal));
  });
});

describe("a token", () => {
  it("with the server's default life of 768 hours is not renewed again and again", async () => {
    const store = opening();
    await store.readPath("app", signal);
    // A storm is hundreds of renewals in this time.
    await realClock.sleep(500, signal);
    expect(requestsTo("/v1/auth/token/renew-self")).toBe(0);
  });

  it("is renewed before its end, also after renewals that failed, and never outlives close", async () => {
    await vault.must("POST", "auth/approle/role/app", { token_policies: "app", token_ttl: "1h" });
    const clock = manualClock();
    const store = vault.store({}, { clock, random: () => 0 });
    await store.readPath("app", signal);
    const token = lastToken();
    let failures = 0;
    vault.relay.answer = ({ path }) =>
      path.endsWith("renew-self") && failures++ < 5 ? { status: 500, body: "{}" } : undefined;
    const before = requestsTo("/v1/auth/token/renew-self");
    await until(clock, 3_600_000 * 0.7, () => vault.log.lines.some((line) => line.includes("renewed our Vault token")));
    expect(failures).toBe(6);
    expect(requestsTo("/v1/auth/token/renew-self") - before).toBe(failures);
    await store.readPath("app", signal);
    expect(lastToken()).toBe(token);
    await store.close();
    const { status } = await vault.server.api("GET", "auth/token/lookup-self", undefined, { token: String(token) });
    expect(status).toBe(403);
    await clock.advance(7_200_000);
    expect(requestsTo("/v1/auth/token/renew-self") - before).toBe(failures);
    expectSilent(vault.log.lines);
  });

  it("that was revoked is noticed and replaced, and the new one is what later calls use", async () => {
    const clock = manualClock();
    const store = opening({}, { clock });
    await store.readPath("app", signal);
    const token = lastToken();
    await revokeAll();
    await clock.advance(10_000);
    const before = requestsTo("/v1/auth/approle/login");
    const many = await Promise.all(Array.from({ length: 10 }, () => store.readPath("app", signal)));
    for (const reading of many) expect(reading).toMatchObject(found);
    expect(requestsTo("/v1/auth/approle/login") - before).toBe(1);
    expect(lastToken()).not.toBe(token);
    await store.readPath("app", signal);
    expect(lastToken()).not.toBe(token);
  });

  it("that has come to its end is replaced without a refused call", async () => {
    await vault.must("POST", "auth/approle/role/app", { token_policies: "app", token_ttl: "1h", token_max_ttl: "1h" });
    const clock = manualClock();
    const store = opening({}, { clock });
    await store.readPath("app", signal);
    const token = lastToken();
    await clock.advance(3_600_000);
    const before = requestsTo("/v1/auth/token/lookup-self");
    expect(await store.readPath("app", signal)).toMatchObject(found);
    expect(lastToken()).not.toBe(token);
    expect(requestsTo("/v1/auth/token/lookup-self")).toBe(before);
  });

  it("that its policy denies a path is kept", async () => {
    const clock = manualClock();
    const store = opening({}, { clock });
    await store.readPath("app", signal);
    await clock.advance(10_000);
    const before = requestsTo("/v1/auth/approle/login");
    const fault = await expectFault("StoreDenied", () => store.readPath("denied/x", signal));
    expect(fault.message).toContain("secret/data/denied/x");
    expect(requestsTo("/v1/auth/approle/login")).toBe(before);
  });

  it("that was given and revoked is read anew from where it came", async () => {
    const create = async (): Promise<string> => {
      const answer = await vault.must("POST", "auth/token/create", { policies: ["app"], ttl: "1h" });
      return (answer as { auth: { client_token: string } }).auth.client_token;
    };
    let token = await create();
    const store = opening({ auth: { token: () => Promise.resolve(SecretValue.fromText(token)) } });
    await store.readPath("app", signal);
    await vault.must("POST", "auth/token/revoke", { token });
    await expectFault("StoreDenied", () => store.readPath("app", signal));
    token = await create();
    expect(await store.readPath("app", signal)).toMatchObject(found);
  });

  it("that was given is looked up and renewed by a process that lives on", async () => {
    const answer = await vault.must("POST", "auth/token/create", { policies: ["app"], ttl: "1h" });
    const { client_token } = (answer as { auth: { client_token: string } }).auth;
    const clock = manualClock();
    const store = opening({ auth: { token: given(client_token) } }, { clock });
    await store.readPath("app", signal);
    const before = requestsTo("/v1/auth/token/renew-self");
    await until(clock, 3_000_000, () => requestsTo("/v1/auth/token/renew-self") > before);
    expect(await store.readPath("app", signal)).toMatchObject(found);
    // Renewed, it has no end that a person must act before.
    expect(store.ends?.().token).toBeUndefined();
  });

  it("that was given and cannot be renewed tells when it ends", async () => {
    const answer = await vault.must("POST", "auth/token/create", { policies: ["app"], ttl: "1h", renewable: false });
    const { client_token } = (answer as { auth: { client_token: string } }).auth;
    const clock = manualClock();
    const begun = clock.now().getTime();
    const store = opening({ auth: { token: given(client_token) } }, { clock });
    await store.readPath("app", signal);
    expect(store.ends?.()).toEqual({ token: undefined, certificate: undefined });
    await until(clock, 3_600_000, () => store.ends?.().token !== undefined);
    const endsIn = (store.ends?.().token?.getTime() ?? 0) - begun;
    expect(endsIn).toBeGreaterThan(3_500_000);
    expect(endsIn).toBeLessThan(3_700_000);
  });
});

/** Lets the clock go on by steps until it is so; answers of the real server take real time in between. */
async function until(clock: ReturnType<typeof manualClock>, longestMs: number, isSo: () => boolean): Promise<void> {
  for (let passed = 0; !isSo(); passed += 5_000) {
    if (passed > longestMs) throw new Error(`not within ${longestMs} ms`);
    await clock.advance(5_000);
    await realClock.sleep(2, signal);
  }
}
