import { createHash } from "node:crypto";
import type { SecretValue } from "../core/secretValue.ts";

/** Sessions that these statements run in: the quote is the only character with a meaning in a literal. */
export const SESSION = "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES', lock_wait_timeout = 15";

/** MariaDB waits for its own tables of users without a limit: a change that we gave up would come true later. */
export const MARIADB_SESSION = `${SESSION}, max_statement_time = 15`;

/** `user`@`host`, as both servers take it. */
export function accountOf(user: string, host: string): string {
  return [user, host].map((part) => `\`${part.replaceAll("`", "``")}\``).join("@");
}

/** Undefined: no server keeps such a password, or no client can send it. */
export function passwordText(password: SecretValue): string | undefined {
  const text = password.reveal();
  return text === "" || !password.isText || text.includes("\0") ? undefined : text;
}

/** What mysql_native_password stores of a password: given as it is, the password itself reaches no log. */
export function nativeHash(password: string): string {
  return `*${sha1(sha1(password)).toString("hex").toUpperCase()}`;
}

function sha1(bytes: string | Buffer): Buffer {
  return createHash("sha1").update(bytes).digest();
}

/** MariaDB: the account takes these passwords and no other, whatever it took before. */
export function takeHashes(account: string, passwords: readonly string[]): string {
  const ways = passwords.map((password) => `mysql_native_password USING '${nativeHash(password)}'`);
  return `ALTER USER ${account} IDENTIFIED VIA ${ways.join(" OR ")}`;
}

/** MySQL: the new password, and with `retain` the one before it. The server leaves the password out of its logs. */
export function takePassword(account: string, password: string, retain: boolean): string {
  const literal = `'${password.replaceAll("'", "''")}'`;
  return `ALTER USER ${account} IDENTIFIED BY ${literal}${retain ? " RETAIN CURRENT PASSWORD" : ""}`;
}

/** The plugins by which an account is let in, of what MariaDB's SHOW CREATE USER says. */
export function pluginsOf(createUser: string): string[] {
  const words = createUser.replaceAll(/'(?:[^'\\]|''|\\.)*'|`(?:[^`]|``)*`/g, "");
  const plugins = [...words.matchAll(/\b(?:VIA|OR) (\w+)/g)].map(([, plugin = ""]) => plugin);
  return plugins.length === 0 ? ["mysql_native_password"] : plugins;
}

/** Does one of these lines of SHOW GRANTS give a right on everything? */
export function hasRight(grants: readonly string[], right: string): boolean {
  return grants.some((grant) => {
    const [, rights = ""] = /^GRANT (.+?) ON \*\.\* TO /.exec(grant) ?? [];
    return rights.split(", ").some((one) => one === right || one === "ALL PRIVILEGES");
  });
}
