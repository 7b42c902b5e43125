// What reads from a real Vault find, and what becomes of every answer that is no secret.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Store } from "../../../src/ports.ts";
import { canary } from "../../support/canary.ts";
import { manualClock } from "../../support/clock.ts";
import { type Relay, startRelay } from "../../support/relay.ts";
import { expectFault } from "../../support/silence.ts";
import { given, startVaultFixture, type VaultFixture } from "../../support/vaultFixture.ts";

const signal = new AbortController().signal;
let vault: VaultFixture;
let elsewhere: Relay;
const opened: Store[] = [];

beforeAll(async () => {
  vault = await startVaultFixture();
  elsewhere = await startRelay();
  await vault.must("POST", "secret/data/app", { data: { KEY: canary("value") } });
});
afterEach(async () => {
  vault.relay.answer = () => undefined;
  await Promise.all(opened.splice(0).map((store) => store.close()));
});
afterAll(() => Promise.all([vault.close(), elsewhere.close()]));

function opening(...options: Parameters<VaultFixture["store"]>): Store {
  const store = vault.store(...options);
  opened.push(store);
  return store;
}
const asRoot = (): { auth: { token: ReturnType<typeof given> } } => ({
  auth: { token: given(vault.server.rootToken) },
});
const found = { kind: "found" };

describe("a path", () => {
  it.each([
    "with space",
    "100%",
    "a?b",
    "a#b",
    "a&b",
    "a+b",
    "é🔑",
    "a'b\"c<d>",
    "a%2Fb",
    "deep/er/still",
    "a;b=c,d:e@f",
    "__proto__",
  ])("is read as it is written: %s", async (path) => {
    const value = canary("value");
    const encoded = path.split("/").map(encodeURIComponent).join("/");
    for (const [mount, body] of [
      ["secret/data", { data: { KEY: value } }],
      ["one", { KEY: value }],
    ] as const) {
      await vault.must("POST", `${mount}/${encoded}`, body);
    }
    for (const mount of ["secret", "one"]) {
      const reading = await opening({ mount }).readPath(path, signal);
      const secret = reading.kind === "found" ? reading.secrets.get("KEY") : undefined;
      expect(secret?.kind === "value" && secret.value.reveal()).toBe(value);
    }
  });

  it.each(["", "/app", "app/", "a//b", "a/../b", "./a", "a\nb", "a\u0000b", "\ud800"])(
    "is refused unsent: %j",
    async (path) => {
      const before = vault.relay.requests.length;
      await expectFault("ConfigInvalid", () => opening().readPath(path, signal));
      expect(vault.relay.requests.length).toBe(before);
    },
  );

  it("on a mount with odd characters", async () => {
    await vault.must("POST", "sys/mounts/team%20a&b/kv", { type: "kv", options: { version: "2" } });
    const store = opening({ mount: "team a&b/kv", ...asRoot() });
    expect(await store.check(signal)).toMatchObject({ ok: true });
    expect(await store.readPath("none", signal)).toEqual({ kind: "missing", why: "absent" });
  });

  it("is read with the key __proto__ as any other", async () => {
    const body = JSON.parse(`{"data":{"__proto__":"${canary("proto")}","KEY":"${canary("key")}"}}`) as object;
    await vault.must("POST", "secret/data/proto", body);
    const reading = await opening().readPath("proto", signal);
    expect(reading.kind === "found" && [...reading.secrets.keys()].sort()).toEqual(["KEY", "__proto__"]);
  });
});

describe("KV 2", () => {
  it("tells version and time, and absent, deleted, undeleted, destroyed apart", async () => {
    const store = opening();
    const read = (): ReturnType<Store["readPath"]> => store.readPath("life", signal);
    await vault.must("POST", "secret/data/life", { data: { KEY: canary("one") } });
    await vault.must("POST", "secret/data/life", {
      data: { KEY: canary("two"), NUMBER: 1e3, NULL: null, MAP: {}, LIST: [] },
    });
    const reading = await read();
    const secrets = reading.kind === "found" ? reading.secrets : new Map();
    expect(secrets.get("KEY")).toMatchObject({ kind: "value", version: 2, updatedAt: expect.any(Date) as Date });
    for (const key of ["NUMBER", "NULL", "MAP", "LIST"])
      expect(secrets.get(key)).toEqual({ kind: "notText", version: 2 });
    await vault.must("DELETE", "secret/data/life");
    const deleted = await read();
    expect(deleted).toEqual({ kind: "missing", why: "deleted" });
    expect(await read()).toBe(deleted);
    await vault.must("POST", "secret/undelete/life", { versions: [2] });
    expect(await read()).toMatchObject(found);
    await vault.must("PUT", "secret/destroy/life", { versions: [2] });
    expect(await read()).toEqual({ kind: "missing", why: "destroyed" });
    await vault.must("DELETE", "secret/metadata/life");
    expect(await read()).toEqual({ kind: "missing", why: "absent" });
  });

  it("notices a secret that was removed whole and written again as version 1", async () => {
    const store = opening();
    await vault.must("POST", "secret/data/again", { data: { KEY: canary("one") } });
    const first = await store.readPath("again", signal);
    await vault.must("DELETE", "secret/metadata/again");
    await vault.must("POST", "secret/data/again", { data: { KEY: canary("two") } });
    expect(await store.readPath("again", signal)).not.toBe(first);
  });

  it("shows a live version that will be deleted later", async () => {
    await vault.must("POST", "secret/metadata/later", { delete_version_after: "1h" });
    await vault.must("POST", "secret/data/later", { data: { KEY: canary("later") } });
    expect(await opening().readPath("later", signal)).toMatchObject(found);
  });
});

describe("the version of a mount", () => {
  it("is asked for once, and again when the mount was upgraded", async () => {
    await vault.must("POST", "sys/mounts/up", { type: "kv", options: { version: "1" } });
    await vault.must("POST", "up/app", { KEY: canary("value") });
    const store = opening({ mount: "up", ...asRoot() });
    const asked = (): number => vault.relay.requests.filter(({ path }) => path.endsWith("/mounts/up")).length;
    await Promise.all([1, 2, 3].map(() => store.readPath("app", signal)));
    expect(asked()).toBe(1);
    await vault.must("POST", "sys/mounts/up/tune", { options: { version: "2" } });
    expect(await store.readPath("app", signal)).toMatchObject(found);
    expect(asked()).toBe(2);
  });

  it("is not asked for when it is configured, and a wrong one is named", async () => {
    const store = opening({ version: 1 });
    await expectFault("StoreInvalid", () => store.readPath("app", signal));
    expect(await store.check(signal)).toMatchObject({
      ok: false,
      advice: expect.stringContaining("version") as string,
    });
    const before = vault.relay.requests.length;
    await opening({ version: 2, ...asRoot() }).readPath("app", signal);
    expect(vault.relay.requests.length - before).toBe(1);
  });

  it("is of the mount that is configured, and not of one around it", async () => {
    const fault = await expectFault("StoreInvalid", () => opening({ mount: "secret/team" }).readPath("app", signal));
    expect(fault.message).toContain("Set mount to secret,");
    await expectFault("StoreInvalid", () => opening({ mount: "sys", ...asRoot() }).readPath("app", signal));
    await expectFault("StoreDenied", () => opening({ mount: "nope" }).readPath("app", signal));
    await expectFault("StoreInvalid", () =>
      opening({ mount: "nope", version: 2, ...asRoot() }).readPath("app", signal),
    );
  });
});

describe("every call", () => {
  it("carries the namespace, and logins one of their own", async () => {
    const clock = manualClock();
    const store = vault.store({ namespace: "team-a", authNamespace: "people" }, { clock });
    const before = vault.relay.requests.length;
    await store.readPath("app", signal);
    await store.close();
    const seen = vault.relay.requests.slice(before).map(({ path, headers }) => [path, headers["x-vault-namespace"]]);
    expect(seen).toEqual([
      ["/v1/auth/approle/login", "people"],
      ["/v1/sys/internal/ui/mounts/secret", "team-a"],
      ["/v1/secret/data/app", "team-a"],
      ["/v1/auth/token/revoke-self", "people"],
    ]);
    expect(vault.relay.requests.slice(before).every(({ headers }) => headers["user-agent"] === "helmwarden")).toBe(
      true,
    );
    expect(vault.log.lines.filter((line) => line.startsWith("warn"))).toEqual([]);
  });

  it("waits as long as Retry-After says, and gives up where that is too long", async () => {
    let refused = 0;
    const answerOnce = (after: string) => () =>
      refused++ === 0 ? { status: 429, headers: { "retry-after": after }, body: '{"errors":["quota"]}' } : undefined;
    const store = opening(asRoot());
    vault.relay.answer = answerOnce("1");
    const start = performance.now();
    expect(await store.readPath("app", signal)).toMatchObject(found);
    expect(performance.now() - start).toBeGreaterThan(990);
    refused = 0;
    vault.relay.answer = answerOnce("3600");
    const fault = await expectFault("StoreThrottled", () => store.readPath("app", signal));
    expect(fault.detail).toMatchObject({ retryAfterMs: 3_600_000 });
  });

  it("throttled by a real quota says so", async () => {
    await vault.must("POST", "sys/quotas/rate-limit/q", { path: "secret", rate: 1, interval: "60s" });
    const store = opening({ version: 2, ...asRoot() });
    await store.readPath("app", signal);
    await expectFault("StoreThrottled", () => store.readPath("app", signal));
    await vault.must("DELETE", "sys/quotas/rate-limit/q");
  });

  it("is tried again after 500 to 504 and broken connections, reads only", async () => {
    for (const status of [412, 500, 502, 503, 504]) {
      let count = 0;
      vault.relay.answer = ({ path }) =>
        path.includes("/data/") && count++ < 2 ? { status, body: "<html>" } : undefined;
      expect(await opening().readPath("app", signal)).toMatchObject(found);
    }
    let logins = 0;
    vault.relay.answer = ({ path }) => (path.endsWith("login") && logins++ < 9 ? { status: 500 } : undefined);
    await expectFault("StoreUnavailable", () => opening().readPath("app", signal));
    expect(logins).toBe(1);
  });

  it("never takes a proxy's answer for a missing secret", async () => {
    for (const answer of [
      { status: 404, body: "<html>not found</html>" },
      { status: 404, body: "" },
      { status: 404, body: "{}" },
      { status: 404, body: '{"errors":["no such backend"]}' },
      { status: 200, body: "<html>please log in</html>" },
      { status: 200, body: '{"data":null}' },
      { status: 204 },
    ]) {
      const store = opening({ version: 2, ...asRoot() });
      vault.relay.answer = () => answer;
      await expectFault("StoreInvalid", () => store.readPath("app", signal));
    }
  });

  it("follows one redirect on the same server, and none to another one", async () => {
    vault.relay.answer = ({ path }) =>
      path === "/v1/secret/data/app"
        ? { status: 307, headers: { location: "/v1/secret/data/app?version=0" } }
        : undefined;
    expect(await opening().readPath("app", signal)).toMatchObject(found);
    for (const location of [`${elsewhere.address}/v1/secret/data/app`, "/v1/secret/data/app", "http://["]) {
      vault.relay.answer = () => ({ status: 307, headers: { location } });
      await expectFault("StoreUnavailable", () => opening().readPath("app", signal));
      await expectFault("StoreUnavailable", () => opening(asRoot()).readPath("app", signal));
    }
    expect(elsewhere.requests).toEqual([]);
  });

  it("refuses an answer that is too large", async () => {
    vault.relay.answer = () => ({ status: 200, body: "x".repeat(9 * 2 ** 20) });
    await expectFault("StoreInvalid", () => opening(asRoot()).readPath("app", signal));
  });

  it("refuses a token that holds a line break, without showing it", async () => {
    const auth = { token: given(`${canary("a")}\n${canary("b")}`) };
    await expectFault("StoreInvalid", () => opening({ auth }).readPath("app", signal));
  });
});

describe("a Vault that is down", () => {
  it("is named as sealed, and is read again when it is unsealed", async () => {
    const sealing = await startVaultFixture();
    const store = sealing.store();
    try {
      await sealing.must("POST", "secret/data/app", { data: { KEY: canary("value") } });
      const first = await store.readPath("app", signal);
      await sealing.server.seal();
      const fault = await expectFault("StoreUnavailable", () => store.readPath("app", signal));
      expect(fault.message).toContain("is sealed. Unseal it.");
      expect(await store.check(signal)).toMatchObject({ ok: false, advice: "Unseal it." });
      const loggingIn = await expectFault("StoreUnavailable", () => sealing.store().readPath("app", signal));
      expect(loggingIn.message).toContain("is sealed. Unseal it.");
      await sealing.server.unseal();
      expect(await store.readPath("app", signal)).toBe(first);
    } finally {
      await store.close();
      await sealing.close();
    }
  });

  it("costs a thousand paths no thousand times four attempts", async () => {
    const broken = await startRelay();
    broken.answer = () => ({ status: 503 });
    const store = opening({ address: broken.address, version: 2, ...asRoot() });
    for (let count = 0; count < 20; count += 1) {
      await expectFault("StoreUnavailable", () => store.readPath("app", signal));
    }
    // The first read and its look at health retry; the others are one request and one look.
    expect(broken.requests.length).toBeLessThan(50);
    await broken.close();
  });
});
