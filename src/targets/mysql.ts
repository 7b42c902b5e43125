import type { Database, Login, PasswordChange, SqlSession, WithSession } from "./database.ts";
import { databaseFault, isFault, testLogin, withFirst } from "./databaseFault.ts";
import {
  accountOf,
  hasRight,
  MARIADB_SESSION,
  nativeHash,
  passwordText,
  pluginsOf,
  SESSION,
  takeHashes,
  takePassword,
} from "./mysqlStatements.ts";

export interface MysqlOptions {
  /** For messages. */
  readonly shown: string;
  /** The host part of the accounts. */
  readonly userHost: string;
}

/** A change as texts: the passwords that the user takes from then on, the newest first. */
interface Change {
  readonly user: string;
  readonly account: string;
  readonly passwords: readonly string[];
}

/** A MariaDB (10.4 or newer) or a MySQL (8.0 or newer): which one, the server says. */
export function mysql({ shown, userHost }: MysqlOptions, withSession: WithSession): Database {
  const changeOf = ({ user, password, keep }: PasswordChange): Change => {
    const passwords = [password, ...(keep === undefined ? [] : [keep])].map((one) => {
      const text = passwordText(one);
      if (text === undefined) throw databaseFault("characters", shown, user);
      return text;
    });
    return { user, account: accountOf(user, userHost), passwords };
  };
  const asAdmin = async (
    admins: readonly Login[],
    signal: AbortSignal,
    work: (session: SqlSession, isMariadb: boolean) => Promise<void>,
  ): Promise<void> =>
    await withFirst(withSession, admins, signal, async (session) => {
      const { isMariadb, isReplica } = await serverOf(session);
      if (isReplica) throw databaseFault("readOnly", shown, admins[0]?.user ?? "");
      await session.query(isMariadb ? MARIADB_SESSION : SESSION);
      await work(session, isMariadb);
    });
  return {
    test: async (login, signal) => await testLogin(withSession, login, signal),
    async setPassword(admins, asked, signal) {
      const change = changeOf(asked);
      const isKnown = async (): Promise<boolean> => (await testLogin(withSession, asked, signal)) === "accepted";
      await asAdmin(admins, signal, async (session, isMariadb) => {
        if (!isMariadb) await changeMysql(session, change, isKnown);
        else await changeMariadb(session, change, shown, admins[0]?.user === asked.user);
      });
    },
    async forgetKept(admins, asked, signal) {
      const change = changeOf({ ...asked, keep: undefined });
      await asAdmin(admins, signal, async (session, isMariadb) => {
        if (isMariadb) await changeMariadb(session, change, shown, false);
        else await session.query(`ALTER USER ${change.account} DISCARD OLD PASSWORD`);
      });
    },
    sessions: async (admins, user, signal) =>
      await withFirst(withSession, admins, signal, async (session) => {
        // Without it the server shows one's own sessions only, as if there were no others.
        if (!hasRight(await grantsIn(session), "PROCESS"))
          throw databaseFault("forbidden", shown, admins[0]?.user ?? "");
        const sql = "SELECT COUNT(*) AS sessions FROM information_schema.PROCESSLIST WHERE USER = ?";
        return Number((await session.query(sql, [user]))[0]?.["sessions"] ?? 0);
      }),
    inspect: async (admin, users, signal) =>
      await withSession(admin, signal, async (session) => {
        const { version, isMariadb, isReplica } = await serverOf(session);
        const cipher = (await session.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'"))[0]?.["Value"];
        const found = `${isMariadb ? "MariaDB" : "MySQL"} ${version}, ${cipher === "" ? "no TLS" : "TLS"}`;
        const wrong = isReplica ? ["it is a replica, which only reads"] : [];
        const mayChange = hasRight(await grantsIn(session), "CREATE USER");
        if (!mayChange && users.some((user) => user !== admin.user))
          wrong.push("the admin lacks the right CREATE USER");
        for (const user of users) if (isMariadb) wrong.push(...(await lackOf(session, accountOf(user, userHost))));
        if (wrong.length === 0) return { ok: true, message: `${found}; the admin may change the password` };
        return { ok: false, message: `${found}; ${wrong.join("; ")}`, advice: "See docs/rotation-targets.md." };
      }),
  };
}

/** One statement says all that the account takes, so that it may be repeated. */
async function changeMariadb(session: SqlSession, change: Change, shown: string, isOwn: boolean): Promise<void> {
  const { user, account, passwords } = change;
  if (!(await isNative(session, account))) throw databaseFault("plugin", shown, user);
  try {
    await session.query(takeHashes(account, passwords));
  } catch (caught) {
    // The account is there: what it objects to is the hash.
    if (isFault(caught, "noSuchUser")) throw databaseFault("hash", shown, user);
    const [password, kept] = passwords;
    if (!isFault(caught, "forbidden") || !isOwn || password === undefined || kept !== undefined) throw caught;
    // Everybody may do this to his own account.
    await session.query(`SET PASSWORD = '${nativeHash(password)}'`);
  }
}

/**
 * MySQL keeps one password beside the newest: whichever was the newest. If it knows the new one already, asking again
 * would make it forget the old one; if another one is kept, the old one is first made the newest again.
 */
async function changeMysql(session: SqlSession, change: Change, isKnown: () => Promise<boolean>): Promise<void> {
  const { account, user, passwords } = change;
  const [password = "", kept] = passwords;
  if (kept !== undefined) {
    if (await isKnown()) return;
    if (await keepsAnother(session, user)) await session.query(takePassword(account, kept, false));
  }
  await session.query(takePassword(account, password, kept !== undefined));
}

/** Of any account with this name; false where we may not look. */
async function keepsAnother(session: SqlSession, user: string): Promise<boolean> {
  const sql =
    "SELECT 1 FROM mysql.user WHERE User = ? AND JSON_CONTAINS_PATH(User_attributes, 'one', '$.additional_password')";
  try {
    return (await session.query(sql, [user])).length > 0;
  } catch (caught) {
    if (isFault(caught, "forbidden")) return false;
    throw caught;
  }
}

async function serverOf(session: SqlSession): Promise<{ version: string; isMariadb: boolean; isReplica: boolean }> {
  const rows = await session.query("SELECT VERSION() AS version, @@global.read_only AS readOnly");
  const [text, readOnly] = [String(rows[0]?.["version"]), String(rows[0]?.["readOnly"])];
  const version = /^[\d.]+/.exec(text)?.[0] ?? "";
  return { version, isMariadb: text.includes("MariaDB"), isReplica: !["0", "OFF"].includes(readOnly) };
}

async function grantsIn(session: SqlSession): Promise<string[]> {
  return (await session.query("SHOW GRANTS")).flatMap((row) => Object.values(row).map(String));
}

/** Any other plugin than the one whose hashes we make would be replaced by it, unasked. */
async function isNative(session: SqlSession, account: string): Promise<boolean> {
  const rows = await session.query(`SHOW CREATE USER ${account}`);
  return pluginsOf(String(Object.values(rows[0] ?? {})[0])).every((plugin) => plugin === "mysql_native_password");
}

async function lackOf(session: SqlSession, account: string): Promise<string[]> {
  try {
    return (await isNative(session, account)) ? [] : [`${account} is not let in by mysql_native_password`];
  } catch (caught) {
    if (isFault(caught, "noSuchUser")) return [`there is no user ${account}`];
    if (isFault(caught, "forbidden")) return ["the admin lacks the right SELECT on mysql.*"];
    throw caught;
  }
}
