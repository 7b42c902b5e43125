// What can go wrong between helmwarden and a PostgreSQL that learns a password, on a real one.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { DatabaseStrategy, TlsSpec } from "../../../src/core/rotation/policy.ts";
import type { RotationTarget, TargetChange } from "../../../src/ports.ts";
import { postgres } from "../../../src/targets/postgres.ts";
import { postgresSessions } from "../../../src/targets/postgresSession.ts";
import { CANARY, canary } from "../../support/canary.ts";
import { type CuttingRelay, startCuttingRelay } from "../../support/cuttingRelay.ts";
import {
  awkwardPassword,
  awkwardUser,
  changeOf,
  credential,
  expectGivenUp,
  openTarget,
} from "../../support/databaseTargets.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres.ts";
import { expectFault } from "../../support/silence.ts";

const signal = new AbortController().signal;
const SLOW = 150_000;

let dir: string;
let pg: PostgresServer;
let relay: CuttingRelay;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "helmwarden-postgres-"));
  pg = await startPostgres({ dir, tls: true, settings: ["shared_preload_libraries=passwordcheck"] });
  relay = await startCuttingRelay(pg.port);
}, SLOW);
afterAll(async () => {
  await relay.close();
  await pg.stop();
  rmSync(dir, { recursive: true, force: true });
}, SLOW);

/** In the clear, so that the relay sees the statements. */
const OFF: TlsSpec = { mode: "off", caFile: undefined };

describe("a PostgreSQL with one user", { timeout: SLOW }, () => {
  let user: string;
  let change: TargetChange;
  beforeEach(async () => {
    user = awkwardUser();
    const [current, next] = [canary("current"), awkwardPassword("next")];
    await pg.makeUser(user, current);
    change = changeOf(credential(current), credential(next));
  });
  const open = async (more: object = {}, admin: { user: string; password: string } = pg.superuser) =>
    await openTarget({ kind: "postgres", port: pg.port, ...more }, { kind: "single", user }, admin);
  const working = async (): Promise<boolean[]> =>
    await Promise.all([change.current, change.next].map(({ value }) => pg.canLogin(user, value.reveal())));

  test("a wrong admin, and one without the right, are refused, and nothing has changed", async () => {
    const wrong = await open({}, { user: "postgres", password: canary("admin") });
    const stranger = canary("stranger");
    await pg.makeUser(`weak_${user}`, stranger);
    const weak = await open({}, { user: `weak_${user}`, password: stranger });

    const fault = await expectFault("TargetRefused", async () => await wrong.set(change, signal));
    expect(fault.message).toContain("does not let the user in");
    const denied = await expectFault("TargetRefused", async () => await weak.set(change, signal));
    expect(denied.message).toContain("does not allow it (42501)");
    expect(await working()).toEqual([true, false]);
    expect(await wrong.check(signal)).toMatchObject({ ok: false });
    expect(await weak.check(signal)).toMatchObject({ ok: false, message: /admin may not change the role/ });
  });

  test("a user that is not there is said to be missing", async () => {
    const missing = await openTarget(
      { kind: "postgres", port: pg.port },
      { kind: "single", user: "nobody" },
      pg.superuser,
    );
    const fault = await expectFault("TargetRefused", async () => await missing.set(change, signal));
    expect(fault.message).toContain("has no such user");
    expect(await missing.check(signal)).toMatchObject({ ok: false, message: /there is no role "nobody"/ });
    expect(await missing.test(change.current, signal)).toBe("refused");
  });

  test("a password policy refuses, and nothing has changed", async () => {
    const target = await open();
    const same = changeOf(change.current, credential(user));
    const fault = await expectFault("TargetRefused", async () => await target.set(same, signal));
    expect(fault.message).toContain("has a password policy");
    expect(await working()).toEqual([true, false]);
  });

  test("a value that clients would read in two ways is refused before anything is asked", async () => {
    const target = await open({ port: 1 });
    for (const odd of ["", "nul\0", "soft\u00ADhyphen", "no-break\u00A0space", "ﬁ-ligature", "de\u0301compose"]) {
      const to = changeOf(change.current, credential(odd));
      const fault = await expectFault("TargetRefused", async () => await target.set(to, signal));
      expect(fault.message).toContain("cannot take the value");
    }
  });

  test("a connection that breaks before the statement leaves the old value, after it the new one: test tells", async () => {
    const target = await open({ port: relay.port, tls: OFF });

    relay.cut("ALTER ROLE", "before");
    await expectFault("TargetUnavailable", async () => await target.set(change, signal));
    expect(await target.test(change.next, signal)).toBe("refused");
    expect(await working()).toEqual([true, false]);

    relay.cut("ALTER ROLE", "answered");
    await expectFault("TargetUnavailable", async () => await target.set(change, signal));
    expect(await target.test(change.next, signal)).toBe("accepted");
    expect(await working()).toEqual([false, true]);

    relay.cut("ALTER ROLE", "answered");
    await expectFault("TargetUnavailable", async () => await target.undo(change, signal));
    expect(await working()).toEqual([true, false]);
    expect(relay.cuts).toBeGreaterThanOrEqual(3);
  });

  test("a change that waits for another's ends by itself, and nothing happens later", async () => {
    const target = await open();
    const { user: name, password } = pg.superuser;
    const other = new Client({ host: "127.0.0.1", port: pg.port, user: name, password, database: "postgres" });
    await other.connect();
    await other.query(`BEGIN; ALTER ROLE "${user.replaceAll('"', '""')}" CONNECTION LIMIT 50`);
    const fault = await expectFault("TargetUnavailable", async () => await target.set(change, signal));
    expect(fault.message).toContain("(57014)");
    await other.query("COMMIT");
    await other.end();
    expect(await working()).toEqual([true, false]);
  });

  test("a login that breaks off tells nothing, and says so", async () => {
    const target = await open({ port: relay.port, tls: OFF });
    relay.cut("SELECT 1", "answered");
    await expectFault("TargetUnavailable", async () => await target.test(change.current, signal));
  });

  test("a database that is not there, or may not be entered, is no refusal of the password", async () => {
    const target = await open({ database: "nothing" });
    const fault = await expectFault("TargetRefused", async () => await target.test(change.current, signal));
    expect(fault.message).toContain("has no such database");
    await pg.query("CREATE DATABASE closed");
    await pg.query("REVOKE CONNECT ON DATABASE closed FROM PUBLIC");
    const closed = await open({ database: "closed" });
    await expectFault("TargetRefused", async () => await closed.test(change.current, signal));
  });

  test("a user changes itself, also when the answer to that was lost", async () => {
    const own = { user, password: "not looked at" };
    const target = await open({ port: relay.port, tls: OFF }, own);
    relay.cut("ALTER ROLE", "answered");
    await expectFault("TargetUnavailable", async () => await target.set(change, signal));
    await target.set(change, signal);
    expect(await working()).toEqual([false, true]);
    await target.undo(change, signal);
    await target.undo(change, signal);
    expect(await working()).toEqual([true, false]);
  });

  test("TLS: verified, asked for, taken where there is, and refused where there is none", async () => {
    const line = async (tls: TlsSpec): Promise<string> => (await (await open({ tls })).check(signal)).message;
    expect(await line({ mode: "verify", caFile: pg.caFile })).toMatch(/^PostgreSQL 15\.\d+, TLS;/);
    expect(await line({ mode: "require", caFile: undefined })).toMatch(/^PostgreSQL 15\.\d+, TLS;/);
    expect(await line({ mode: "prefer", caFile: undefined })).toMatch(/^PostgreSQL 15\.\d+, TLS;/);
    expect(await line(OFF)).toMatch(/^PostgreSQL 15\.\d+, no TLS;/);
    const unknown = await open({ tls: { mode: "verify", caFile: undefined } });
    const fault = await expectFault("TargetUnavailable", async () => await unknown.set(change, signal));
    expect(fault.message).toContain("certificate that is not trusted");
    const lost = await open({ tls: { mode: "verify", caFile: "/nonexistent/ca.crt" } });
    await expectFault("ConfigInvalid", async () => await lost.set(change, signal));
    expect(await working()).toEqual([true, false]);
  });
});

describe("a PostgreSQL with two users", { timeout: SLOW }, () => {
  let users: readonly [string, string];
  let target: RotationTarget;
  let change: TargetChange;
  beforeEach(async () => {
    users = [awkwardUser(), awkwardUser()];
    const [current, next] = [canary("current"), awkwardPassword("next")];
    for (const user of users) await pg.makeUser(user, current);
    const strategy: DatabaseStrategy = { kind: "alternating", users, userKey: "DB_USER" };
    target = await openTarget({ kind: "postgres", port: pg.port }, strategy, pg.superuser);
    change = changeOf(credential(current, users[0]), credential(next, users[1]));
  });

  test("sessions of the old user are counted, by an admin that is no superuser too", async () => {
    const count = async (from: RotationTarget): Promise<number | undefined> =>
      await from.sessionsOf?.(change.current, signal);
    const password = canary("admin");
    await pg.makeUser(`admin_${users[0]}`, password, "CREATEROLE");
    const strategy: DatabaseStrategy = { kind: "alternating", users, userKey: "DB_USER" };
    const plain = await openTarget({ kind: "postgres", port: pg.port }, strategy, {
      user: `admin_${users[0]}`,
      password,
    });
    expect(await plain.check(signal)).toMatchObject({ ok: true });
    expect(await count(plain)).toBe(0);
    const app = new Client({
      host: "127.0.0.1",
      port: pg.port,
      user: users[0],
      password: change.current.value.reveal(),
      database: "postgres",
    });
    await app.connect();
    expect([await count(target), await count(plain)]).toEqual([1, 1]);
    await plain.set(change, signal);
    await plain.retire(change, signal);
    expect(await count(plain)).toBe(1);
    await app.end();
    await expect.poll(async () => await count(plain), { timeout: 30_000 }).toBe(0);
  });

  test("a user that the policy does not name is never touched, whatever the store says", async () => {
    const forged = changeOf(credential("x", users[0]), credential(canary("forged"), "postgres"));
    await expectFault("TargetRefused", async () => await target.set(forged, signal));
    await expectFault("TargetRefused", async () => await target.test(forged.next, signal));
    const { user, password } = pg.superuser;
    expect(await pg.canLogin(user, password)).toBe(true);
  });

  test("a policy whose admin alternates, or whose two passwords PostgreSQL cannot keep, is invalid", async () => {
    const strategy: DatabaseStrategy = { kind: "alternating", users, userKey: "DB_USER" };
    const spec = { kind: "postgres", port: pg.port } as const;
    await expectFault("ConfigInvalid", async () => await openTarget(spec, strategy, { user: users[0], password: "x" }));
    const dual: DatabaseStrategy = { kind: "dual", user: users[0] };
    await expectFault("ConfigInvalid", async () => await openTarget(spec, dual, pg.superuser));
  });
});

describe("a PostgreSQL in trouble", { timeout: SLOW }, () => {
  let target: RotationTarget;
  let change: TargetChange;
  beforeEach(async () => {
    const user = awkwardUser();
    const [current, next] = [canary("current"), awkwardPassword("next")];
    await pg.makeUser(user, current);
    target = await openTarget({ kind: "postgres", port: pg.port }, { kind: "single", user }, pg.superuser);
    change = changeOf(credential(current), credential(next));
  });
  afterEach(async () => await pg.restart(), SLOW);

  test("a replica lets in, and refuses to change", async () => {
    await pg.restart({ standby: true });
    expect(await target.test(change.current, signal)).toBe("accepted");
    const fault = await expectFault("TargetRefused", async () => await target.set(change, signal));
    expect(fault.message).toContain("it is a replica");
    expect(await target.check(signal)).toMatchObject({ ok: false, message: /replica/ });
  });

  test("a killed one cannot be reached, and knows what it knew when it is back", async () => {
    await target.set(change, signal);
    await pg.kill();
    await expectFault("TargetUnavailable", async () => await target.test(change.next, signal));
    await expectFault("TargetUnavailable", async () => await target.undo(change, signal));
    expect(await target.check(signal)).toMatchObject({ ok: false });
    await pg.restart();
    expect(await target.test(change.next, signal)).toBe("accepted");
    expect(await target.test(change.current, signal)).toBe("refused");
  });

  test("one without TLS is spoken to in the clear only where that is allowed", async () => {
    const bare = await startPostgres({ dir: join(dir, "bare") });
    try {
      const open = async (mode: TlsSpec["mode"]) =>
        await openTarget(
          { kind: "postgres", port: bare.port, tls: { mode, caFile: undefined } },
          { kind: "single", user: bare.superuser.user },
          bare.superuser,
        );
      expect(await (await open("prefer")).check(signal)).toMatchObject({ ok: true, message: /no TLS/ });
      const strict = await open("require");
      const fault = await expectFault("TargetRefused", async () => await strict.set(change, signal));
      expect(fault.message).toContain("takes no TLS");
    } finally {
      await bare.stop();
    }
  });

  test("one that says nothing is given up", async () => {
    await expectGivenUp(({ shown, port, deadlineMs }) => {
      const where = { shown, host: "127.0.0.1", port, database: "postgres", deadlineMs };
      return postgres(
        shown,
        postgresSessions(where, async () => [undefined]),
      );
    });
  });
});

test("nothing that was set is in the log, in which every statement is", async () => {
  const [user, password] = [awkwardUser(), canary("current")];
  await pg.makeUser(user, password);
  const target = await openTarget({ kind: "postgres", port: pg.port }, { kind: "single", user }, pg.superuser);
  await target.set(changeOf(credential(password), credential(awkwardPassword("next"))), signal);
  const lines = pg.log().split("\n");
  const ours = lines.filter((line) => line.includes("WITH PASSWORD"));
  expect(ours.length).toBeGreaterThanOrEqual(1);
  expect(ours.filter((line) => !line.includes("PASSWORD 'SCRAM-SHA-256$4096:"))).toEqual([]);
  // What the tests themselves wrote in plaintext is there, so that the search can fail.
  const found = lines.filter((line) => line.includes(CANARY));
  expect(found.length).toBeGreaterThanOrEqual(1);
  expect(found.filter((line) => !/ (CREATE|ALTER) ROLE .+ LOGIN .*PASSWORD '/.test(line))).toEqual([]);
});
