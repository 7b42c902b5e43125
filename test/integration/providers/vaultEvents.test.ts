// A real Vault 1.14.1 with the experiment `events.alpha1`. What Enterprise 1.16 sends is in test/unit/providers/vault/eventPath.test.ts.
import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Store } from "../../../src/ports.ts";
import { canary } from "../../support/canary.ts";
import { type JumpingClock, jumpingClock } from "../../support/infisicalFixture.ts";
import { expectSilent } from "../../support/silence.ts";
import { startTcpRelay, type TcpRelay } from "../../support/tcpRelay.ts";
import { given, startVaultFixture, type VaultFixture } from "../../support/vaultFixture.ts";

const SUBSCRIBE = 'path "sys/events/subscribe/kv*" { capabilities = ["read"] }';
const READ = 'path "secret/*" { capabilities = ["read"] } path "one/*" { capabilities = ["read"] }';

let vault: VaultFixture;
let wire: TcpRelay;
let told: (string | undefined)[];
let ends: AbortController;
let clock: JumpingClock;
const stores: Store[] = [];

beforeAll(async () => {
  vault = await startVaultFixture();
  wire = await startTcpRelay(Number(new URL(vault.server.address).port));
});
afterAll(async () => {
  await wire.close();
  await vault.close();
});
beforeEach(async () => {
  told = [];
  ends = new AbortController();
  clock = pauseClock();
  vault.log.lines.length = 0;
  vault.relay.answer = () => undefined;
  await vault.must("POST", "sys/policies/acl/app", { policy: `${READ} ${SUBSCRIBE}` });
});
afterEach(async () => {
  ends.abort();
  await Promise.all(stores.splice(0).map((store) => store.close()));
  expectSilent(vault.log.lines);
});

/** Pauses between attempts are jumped over; the renewal of a token, days away, is not. */
function pauseClock(): JumpingClock {
  const jumping = jumpingClock();
  const sleep = async (ms: number, signal: AbortSignal): Promise<void> => {
    if (ms > 60_000) return new Promise((_, no) => signal.addEventListener("abort", () => no()));
    await jumping.sleep(ms, signal);
    await new Promise(setImmediate);
  };
  return { ...jumping, sleep };
}

function opening(options: Parameters<VaultFixture["store"]>[0] = {}): Store {
  const address = `http://127.0.0.1:${wire.port}`;
  const store = vault.store({ address, ...options }, { clock, random: () => 0.5 });
  stores.push(store);
  return store;
}
function watch(store: Store): Promise<void> {
  return store.watchEvents!((path) => void told.push(path), ends.signal);
}
const until = (isSo: () => void): Promise<void> => vi.waitFor(isSo, { timeout: 10_000, interval: 10 });
const lines = (level: string): string[] => vault.log.lines.filter((line) => line.startsWith(level));
const put = (path: string): Promise<unknown> =>
  vault.must("POST", `secret/data/${path}`, { data: { KEY: canary("value") } });

describe("Vault's events", () => {
  test("begin with a resync, and name each secret of our KV 2 mount that moved in any way", async () => {
    void watch(opening());
    await until(() => expect(told).toEqual([undefined]));
    await vault.must("POST", "one/elsewhere", { KEY: canary("value") });
    await put("apps/data/x");
    await put("apps/data/x");
    await vault.must("DELETE", "secret/data/apps/data/x");
    await vault.must("POST", "secret/undelete/apps/data/x", { versions: [2] });
    await vault.must("POST", "secret/destroy/apps/data/x", { versions: [2] });
    await vault.must("POST", "secret/config", { max_versions: 10 });
    await vault.must("DELETE", "secret/metadata/apps/data/x");
    await put("last");
    await until(() => expect(told.at(-1)).toBe("last"));
    expect(told).toEqual([undefined, ...Array.from({ length: 6 }, () => "apps/data/x"), "last"]);
  });

  test("name those of a KV 1 mount", async () => {
    void watch(opening({ mount: "one" }));
    await until(() => expect(told).toEqual([undefined]));
    await put("elsewhere");
    await vault.must("POST", "one/data/x", { KEY: canary("value") });
    await vault.must("DELETE", "one/data/x");
    await until(() => expect(told).toEqual([undefined, "data/x", "data/x"]));
  });

  test("come again after a cut within a second, with a resync", async () => {
    void watch(opening());
    await until(() => expect(told).toEqual([undefined]));
    clock.advance(600_000);
    wire.cut();
    await until(() => expect(told).toEqual([undefined, undefined]));
    expect(clock.slept).toContain(750);
    await put("apps/x");
    await until(() => expect(told.at(-1)).toBe("apps/x"));
  });

  test("come again after silence", async () => {
    void watch(opening({ silenceMs: 1_000 }));
    await until(() => expect(told).toEqual([undefined]));
    wire.silence();
    await until(() => expect(told.length).toBeGreaterThan(1));
    expect(lines("warn").join()).toContain("did not answer in time");
  });

  test("go on with a new login when the token was revoked", async () => {
    void watch(opening());
    await until(() => expect(told).toEqual([undefined]));
    await vault.must("POST", "sys/leases/revoke-prefix/auth/approle");
    clock.advance(600_000);
    wire.cut();
    await until(() => expect(told).toEqual([undefined, undefined]));
    expect(lines("info").filter((line) => line.includes("logged in"))).toHaveLength(2);
  });

  test("that the policy denies are told of once, and come when it grants them", async () => {
    await vault.must("POST", "sys/policies/acl/app", { policy: READ });
    void watch(opening());
    await until(() => expect(clock.slept.length).toBeGreaterThan(3));
    expect(lines("warn")).toHaveLength(1);
    expect(lines("warn").join()).toContain("sys/events/subscribe/kv*");
    await vault.must("POST", "sys/policies/acl/app", { policy: `${READ} ${SUBSCRIBE}` });
    await until(() => expect(told).toEqual([undefined]));
  });

  test("end with the signal", async () => {
    const watching = watch(opening());
    await until(() => expect(told).toEqual([undefined]));
    ends.abort();
    await watching;
  });
});

describe("a Vault without events", () => {
  // What 1.14.1 answers without the experiment.
  const body = JSON.stringify({ errors: ["1 error occurred:\n\t* unsupported path\n\n"] });

  test("is not asked again, which is told once", async () => {
    vault.relay.answer = ({ path }) => (path.includes("/events/") ? { status: 404, body } : undefined);
    await watch(opening({ address: vault.relay.address }));
    expect({ told, slept: clock.slept }).toEqual({ told: [], slept: [] });
    expect(lines("warn")).toHaveLength(1);
  });

  test("is told from a proxy's answer, a standby's redirect and a quota, which may pass", async () => {
    const answers = [
      { status: 404, body: "not here" },
      { status: 307, headers: { location: "http://127.0.0.1:1/" } },
      { status: 429, headers: { "retry-after": "30" } },
    ];
    vault.relay.answer = ({ path }) =>
      path.includes("/events/") ? (answers.shift() ?? { status: 404, body }) : undefined;
    await watch(opening({ address: vault.relay.address }));
    expect(clock.slept).toEqual([750, 1_500, 30_000]);
    expect(vault.log.lines.filter((line) => line.includes("advice")).map((line) => line.split(" ")[0])).toEqual([
      "warn",
      "debug",
      "debug",
    ]);
  });

  test("a token with a line break in it is our fault, in our words", async () => {
    const auth = { token: given(`${canary("token")}\nx`) };
    void watch(opening({ auth }));
    await until(() => expect(lines("warn").join()).toContain("cannot be asked this"));
  });
});

test("events come over TLS with the configured authority, and not without", async () => {
  const secure = await startVaultFixture({ tls: true });
  try {
    const ca = readFileSync(secure.server.caFile!, "utf8");
    const auth = { token: given(secure.server.rootToken) };
    const address = secure.server.address;
    const trusting = secure.store({ address, ca, auth });
    void watch(trusting);
    await until(() => expect(told).toEqual([undefined]));
    void watch(secure.store({ address, auth }));
    await until(() => expect(secure.log.lines.join()).toContain("TLS certificate that is not trusted"));
    ends.abort();
    await trusting.close();
  } finally {
    await secure.close();
  }
});
