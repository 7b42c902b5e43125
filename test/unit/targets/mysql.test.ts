// MySQL itself cannot be started here: what would be sent to it is held against its manual (8.4, "ALTER USER Statement").
import { expect, test } from "vitest";
import type { Login, Rows } from "../../../src/targets/database.ts";
import { databaseFault } from "../../../src/targets/databaseFault.ts";
import { mysql } from "../../../src/targets/mysql.ts";
import { SecretValue } from "../../../src/core/secretValue.ts";

const signal = new AbortController().signal;
const admins: Login[] = [{ user: "admin", password: SecretValue.fromText("admin") }];
const [old, fresh] = [SecretValue.fromText("old"), SecretValue.fromText("fresh")];

/** A MySQL that lets in with these passwords, and the statements that it was sent. */
function openMysql(options: { accepts?: string; keepsAnother?: boolean; isReplica?: boolean }) {
  const sent: string[] = [];
  const answer = (sql: string): Rows => {
    if (sql.includes("VERSION()")) return [{ version: "8.4.3", readOnly: options.isReplica === true ? 1 : 0 }];
    if (sql.includes("additional_password")) return options.keepsAnother === true ? [{ 1: 1 }] : [];
    if (sql.startsWith("ALTER")) sent.push(sql);
    return [];
  };
  const database = mysql({ shown: "MySQL at db:3306", userHost: "%" }, async ({ user, password }, _, work) => {
    if (user !== "admin" && password.reveal() !== options.accepts) throw databaseFault("login", "MySQL", user, "1045");
    return await work({ query: (sql) => Promise.resolve(answer(sql)) });
  });
  return { database, sent };
}

test("the old password is retained, and discarded when it is to be forgotten", async () => {
  const { database, sent } = openMysql({ accepts: "old" });
  await database.setPassword(admins, { user: "app", password: fresh, keep: old }, signal);
  await database.forgetKept(admins, { user: "app", password: fresh }, signal);
  expect(sent).toEqual([
    "ALTER USER `app`@`%` IDENTIFIED BY 'fresh' RETAIN CURRENT PASSWORD",
    "ALTER USER `app`@`%` DISCARD OLD PASSWORD",
  ]);
});

test("a second time nothing is sent: it would retain the new one, and lose the old one", async () => {
  const { database, sent } = openMysql({ accepts: "fresh", keepsAnother: true });
  await database.setPassword(admins, { user: "app", password: fresh, keep: old }, signal);
  expect(sent).toEqual([]);
});

test("another one that is kept makes room for the old one", async () => {
  const { database, sent } = openMysql({ accepts: "old", keepsAnother: true });
  await database.setPassword(admins, { user: "app", password: fresh, keep: old }, signal);
  expect(sent).toEqual([
    "ALTER USER `app`@`%` IDENTIFIED BY 'old'",
    "ALTER USER `app`@`%` IDENTIFIED BY 'fresh' RETAIN CURRENT PASSWORD",
  ]);
});

test("one password alone is just set, and a replica is sent nothing", async () => {
  const { database, sent } = openMysql({ accepts: "old" });
  await database.setPassword(admins, { user: "app", password: fresh, keep: undefined }, signal);
  expect(sent).toEqual(["ALTER USER `app`@`%` IDENTIFIED BY 'fresh'"]);
  const replica = openMysql({ isReplica: true });
  await expect(
    replica.database.setPassword(admins, { user: "app", password: fresh, keep: undefined }, signal),
  ).rejects.toMatchObject({ code: "TargetRefused", detail: { fault: "readOnly" } });
  expect(replica.sent).toEqual([]);
});
