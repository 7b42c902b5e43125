// What can go wrong between helmwarden and a MariaDB that learns a password, on a real one.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createConnection } from "mysql2/promise";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { DatabaseStrategy, DatabaseTarget, TlsSpec } from "../../../src/core/rotation/policy.ts";
import type { RotationTarget, TargetChange } from "../../../src/ports.ts";
import { mysql } from "../../../src/targets/mysql.ts";
import { mysqlSessions } from "../../../src/targets/mysqlSession.ts";
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
import { type MariadbServer, startMariadb } from "../../support/mariadb.ts";
import { expectFault } from "../../support/silence.ts";

const signal = new AbortController().signal;
const SLOW = 150_000;
/** In the clear, so that the relay sees the statements. */
const OFF: TlsSpec = { mode: "off", caFile: undefined };

let dir: string;
let server: MariadbServer;
let relay: CuttingRelay;
let user: string;
let account: string;
let change: TargetChange;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "helmwarden-mariadb-"));
  server = await startMariadb({ dir, tls: true });
  relay = await startCuttingRelay(server.port);
}, SLOW);
afterAll(async () => {
  await relay.close();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
}, SLOW);
beforeEach(async () => {
  user = awkwardUser();
  const [current, next] = [awkwardPassword("current"), awkwardPassword("next")];
  account = await server.makeUser(user, current.reveal());
  change = changeOf(credential(current), credential(next));
}, SLOW);

const dual = (): DatabaseStrategy => ({ kind: "dual", user });
const single = (): DatabaseStrategy => ({ kind: "single", user });
const open = async (
  strategy: DatabaseStrategy,
  more: Partial<DatabaseTarget> = {},
  admin: { user: string; password: string } = server.superuser,
): Promise<RotationTarget> => await openTarget({ kind: "mariadb", port: server.port, ...more }, strategy, admin);
const working = async (): Promise<boolean[]> =>
  await Promise.all([change.current, change.next].map(({ value }) => server.canLogin(user, value.reveal())));
const checked = async (tls: TlsSpec, host = "127.0.0.1"): Promise<string> =>
  (await (await open(dual(), { tls, host })).check(signal)).message;
/** Somebody who may do this and no more. */
const makeAdmin = async (...grants: readonly string[]): Promise<{ user: string; password: string }> => {
  const admin = { user: awkwardUser(), password: canary("admin") };
  const name = await server.makeUser(admin.user, admin.password);
  for (const grant of grants) await server.query(`GRANT ${grant} TO ${name}`);
  return admin;
};

describe("who may change whom on a MariaDB", { timeout: SLOW }, () => {
  test("the rights that the docs list are enough, and each one missing is named", async () => {
    const [create, see] = ["CREATE USER ON *.*", "SELECT ON mysql.*"];
    const enough = await open(dual(), {}, await makeAdmin(create, see));
    expect(await enough.check(signal)).toMatchObject({ ok: true });
    await enough.set(change, signal);
    await enough.retire(change, signal);
    expect(await working()).toEqual([false, true]);

    const blind = await open(dual(), {}, await makeAdmin(create));
    expect(await blind.check(signal)).toMatchObject({ ok: false, message: /lacks the right SELECT on mysql/ });
    const powerless = await open(dual(), {}, await makeAdmin(see));
    expect(await powerless.check(signal)).toMatchObject({ ok: false, message: /lacks the right CREATE USER/ });
    for (const target of [blind, powerless]) {
      const fault = await expectFault("TargetRefused", async () => await target.undo(change, signal));
      expect(fault.message).toContain("does not allow it");
    }
    expect(await working()).toEqual([false, true]);
  });

  test("a wrong admin and a user that is not there are refused, and nothing has changed", async () => {
    const wrong = await open(dual(), {}, { ...server.superuser, password: canary("wrong") });
    const fault = await expectFault("TargetRefused", async () => await wrong.set(change, signal));
    expect(fault.message).toContain("does not let the user in (1045)");
    const nobody = await open({ kind: "dual", user: "nobody" });
    const missing = await expectFault("TargetRefused", async () => await nobody.set(change, signal));
    expect(missing.message).toContain("has no such user");
    expect(await nobody.check(signal)).toMatchObject({ ok: false, message: /there is no user/ });
    const elsewhere = await open(dual(), { userHost: "10.%" });
    await expectFault("TargetRefused", async () => await elsewhere.set(change, signal));
    expect(await working()).toEqual([true, false]);
  });

  test("a user that is let in by another plugin keeps it", async () => {
    await server.query(`ALTER USER ${account} IDENTIFIED VIA unix_socket OR mysql_native_password USING ''`);
    const target = await open(single());
    const fault = await expectFault("TargetRefused", async () => await target.set(change, signal));
    expect(fault.message).toContain("by another plugin");
    expect(await target.check(signal)).toMatchObject({ ok: false, message: /not let in by mysql_native_password/ });
    const [shown] = await server.query(`SHOW CREATE USER ${account}`);
    expect(JSON.stringify(shown)).toContain("unix_socket");
  });

  test("a user without rights changes itself with one password, and is told that two need a right", async () => {
    const own = { user, password: "not looked at" };
    const alone = await open(single(), {}, own);
    await alone.set(change, signal);
    await alone.set(change, signal);
    expect(await working()).toEqual([false, true]);
    await alone.undo(change, signal);
    expect(await working()).toEqual([true, false]);
    const both = await open(dual(), {}, own);
    await expectFault("TargetRefused", async () => await both.set(change, signal));
    expect(await working()).toEqual([true, false]);
    await server.query(`GRANT CREATE USER ON *.* TO ${account}`);
    await both.set(change, signal);
    await both.set(change, signal);
    expect(await working()).toEqual([true, true]);
    await both.retire(change, signal);
    await both.retire(change, signal);
    expect(await working()).toEqual([false, true]);
  });

  test("what else an account has stays as it is", async () => {
    await server.query(`ALTER USER ${account} REQUIRE SSL WITH MAX_USER_CONNECTIONS 3`);
    const target = await open(dual());
    await target.set(change, signal);
    await target.retire(change, signal);
    const [shown] = await server.query(`SHOW CREATE USER ${account}`);
    expect(JSON.stringify(shown)).toMatch(/REQUIRE SSL WITH MAX_USER_CONNECTIONS 3/);
  });
});

describe("two passwords at once", { timeout: SLOW }, () => {
  test("a person's value that comes meanwhile works beside the old one, and ours no longer", async () => {
    const target = await open(dual());
    await target.set(change, signal);
    const theirs = changeOf(change.current, credential(awkwardPassword("theirs")));
    await target.set(theirs, signal);
    expect(await working()).toEqual([true, false]);
    expect(await target.test(theirs.next, signal)).toBe("accepted");
  });

  test("connections that break off lose neither password, and a repetition ends it", async () => {
    const target = await open(dual(), { port: relay.port, tls: OFF });
    relay.cut("ALTER USER", "before");
    await expectFault("TargetUnavailable", async () => await target.set(change, signal));
    expect(await working()).toEqual([true, false]);
    relay.cut("ALTER USER", "answered");
    await expectFault("TargetUnavailable", async () => await target.set(change, signal));
    expect(await target.test(change.next, signal)).toBe("accepted");
    expect(await working()).toEqual([true, true]);
    await target.set(change, signal);
    expect(await working()).toEqual([true, true]);
    relay.cut("ALTER USER", "answered");
    await expectFault("TargetUnavailable", async () => await target.retire(change, signal));
    expect(await working()).toEqual([false, true]);
    await target.retire(change, signal);
    expect(await working()).toEqual([false, true]);
    relay.cut("SELECT 1", "answered");
    await expectFault("TargetUnavailable", async () => await target.test(change.next, signal));
  });

  test("each killed and started again knows what it knew", async () => {
    const target = await open(dual());
    await target.set(change, signal);
    await server.kill();
    await expectFault("TargetUnavailable", async () => await target.retire(change, signal));
    expect(await target.check(signal)).toMatchObject({ ok: false });
    await server.restart();
    expect(await working()).toEqual([true, true]);
    await target.retire(change, signal);
    await server.kill();
    await server.restart();
    expect(await working()).toEqual([false, true]);
  });
});

describe("two users", { timeout: SLOW }, () => {
  test("sessions are counted only by who may see them, and the old user is shut out while they go on", async () => {
    const other = awkwardUser();
    await server.makeUser(other, canary("idle"));
    const strategy: DatabaseStrategy = { kind: "alternating", users: [user, other], userKey: "DB_USER" };
    const moved = changeOf(credential(change.current.value, user), credential(change.next.value, other));
    const blind = await open(strategy, {}, await makeAdmin("CREATE USER ON *.*", "SELECT ON mysql.*"));
    await expectFault("TargetRefused", async () => await blind.sessionsOf!(moved.current, signal));
    const target = await open(
      strategy,
      {},
      await makeAdmin("PROCESS ON *.*", "CREATE USER ON *.*", "SELECT ON mysql.*"),
    );
    const count = async (): Promise<number> => await target.sessionsOf!(moved.current, signal);
    expect(await count()).toBe(0);
    const password = change.current.value.reveal();
    const app = await createConnection({ host: "127.0.0.1", port: server.port, user, password });
    expect(await count()).toBe(1);
    await target.set(moved, signal);
    await target.retire(moved, signal);
    expect(await server.canLogin(user, password)).toBe(false);
    expect(await server.canLogin(other, moved.next.value.reveal())).toBe(true);
    await app.query("SELECT 1");
    expect(await count()).toBe(1);
    await app.end();
    await expect.poll(count, { timeout: 60_000 }).toBe(0);
  });
});

describe("a MariaDB in trouble", { timeout: SLOW }, () => {
  afterEach(async () => {
    await server.query("SET GLOBAL read_only = 0");
  });

  test("a replica lets in and refuses to change, although its admin could", async () => {
    const target = await open(dual());
    await server.query("SET GLOBAL read_only = 1");
    expect(await target.test(change.current, signal)).toBe("accepted");
    const fault = await expectFault("TargetRefused", async () => await target.set(change, signal));
    expect(fault.message).toContain("it is a replica");
    expect(await target.check(signal)).toMatchObject({ ok: false, message: /replica/ });
    expect(await working()).toEqual([true, false]);
  });

  test("one that checks passwords and takes no hash refuses, until it is told to take one", async () => {
    await server.query("INSTALL SONAME 'simple_password_check'");
    const [target, own] = [await open(dual()), await open(single(), {}, { user, password: "not looked at" })];
    for (const refused of [target, own]) {
      const fault = await expectFault("TargetRefused", async () => await refused.set(change, signal));
      expect(fault.message).toContain("strict_password_validation=OFF");
    }
    expect(await working()).toEqual([true, false]);
    await server.query("SET GLOBAL strict_password_validation = 0");
    await target.set(change, signal);
    expect(await working()).toEqual([true, true]);
    await server.query("UNINSTALL SONAME 'simple_password_check'");
    await server.query("SET GLOBAL strict_password_validation = 1");
  });

  test("a change that waits for another's ends by itself, and nothing happens later", async () => {
    const target = await open(dual());
    const other = await createConnection({ host: "127.0.0.1", port: server.port, ...server.superuser });
    await other.query("LOCK TABLES mysql.global_priv WRITE");
    const fault = await expectFault("TargetUnavailable", async () => await target.set(change, signal));
    expect(fault.message).toContain("(1969)");
    await other.query("UNLOCK TABLES");
    await other.end();
    expect(await working()).toEqual([true, false]);
  });

  test("locked and expired accounts are not let in", async () => {
    const target = await open(dual());
    await server.query(`ALTER USER ${account} ACCOUNT LOCK`);
    expect(await target.test(change.current, signal)).toBe("refused");
    await server.query(`ALTER USER ${account} ACCOUNT UNLOCK PASSWORD EXPIRE`);
    expect(await target.test(change.current, signal)).toBe("refused");
  });

  test("a database that is not there, or may not be entered, is no refusal of the password", async () => {
    await server.query("CREATE DATABASE IF NOT EXISTS closed");
    for (const [database, message] of [
      ["nothing", "does not allow it"],
      ["closed", "does not allow it"],
    ]) {
      const target = await open(single(), { database });
      const fault = await expectFault("TargetRefused", async () => await target.test(change.current, signal));
      expect(fault.message).toContain(message);
    }
    const target = await open(single(), { database: "nothing" });
    const fault = await expectFault("TargetRefused", async () => await target.set(change, signal));
    expect(fault.message).toContain("has no such database");
  });

  test("TLS: verified by name, asked for, taken where there is, and refused where there is none", async () => {
    expect(await checked({ mode: "verify", caFile: server.caFile }, "localhost")).toMatch(/^MariaDB 10\.11\.\d+, TLS;/);
    expect(await checked({ mode: "require", caFile: undefined })).toMatch(/, TLS;/);
    expect(await checked({ mode: "prefer", caFile: server.caFile })).toMatch(/, TLS;/);
    expect(await checked(OFF)).toMatch(/, no TLS;/);
    expect(await checked({ mode: "verify", caFile: undefined }, "localhost")).toContain("not trusted");
    const verify = { mode: "verify", caFile: server.caFile } as const;
    await expectFault("ConfigInvalid", async () => await open(dual(), { tls: verify }));
    await server.restart(["--skip-ssl"]);
    expect(await checked({ mode: "prefer", caFile: undefined })).toMatch(/, no TLS;/);
    expect(await checked({ mode: "require", caFile: undefined })).toContain("takes no TLS");
    await server.restart();
  });

  test("one that says nothing is given up", async () => {
    await expectGivenUp(({ shown, port, deadlineMs }) => {
      const where = { shown, host: "127.0.0.1", port, database: undefined, deadlineMs };
      return mysql(
        { shown, userHost: "%" },
        mysqlSessions(where, async () => [undefined]),
      );
    });
  });
});

test("nothing that was set is in the log, in which every statement is", async () => {
  const target = await open(dual());
  await target.set(change, signal);
  await target.retire(change, signal);
  const lines = server.log().split("\n");
  const ours = lines.filter((line) => /ALTER USER .* IDENTIFIED VIA mysql_native_password|SET PASSWORD = /.test(line));
  expect(ours.length).toBeGreaterThanOrEqual(2);
  // What the tests themselves wrote in plaintext is there, so that the search can fail.
  const found = lines.filter((line) => line.includes(CANARY));
  expect(found.length).toBeGreaterThanOrEqual(1);
  expect(found.filter((line) => !line.includes("CREATE OR REPLACE USER"))).toEqual([]);
});
