import type { Database, Rows, SqlSession, WithSession } from "./database.ts";
import { databaseFault, testLogin, withFirst } from "./databaseFault.ts";
import { scramVerifier } from "./scramVerifier.ts";

/** A PostgreSQL (14 or newer), which takes one password for each user. `shown` is its name in messages. */
export function postgres(shown: string, withSession: WithSession): Database {
  return {
    test: async (login, signal) => await testLogin(withSession, login, signal),
    async setPassword(admins, { user, password }, signal) {
      const verifier = scramVerifier(password);
      if (verifier === undefined) throw databaseFault("characters", shown, user);
      const sql = `ALTER ROLE ${identifier(user)} WITH PASSWORD '${verifier}'`;
      await withFirst(withSession, admins, signal, async (session) => await session.query(sql));
    },
    forgetKept: () => Promise.resolve(),
    async sessions(admins, user, signal) {
      const sql =
        "SELECT count(*)::int AS sessions FROM pg_stat_activity WHERE usename = $1 AND pid <> pg_backend_pid()";
      const rows = await withFirst(withSession, admins, signal, async (session) => await session.query(sql, [user]));
      return Number(rows[0]?.["sessions"] ?? 0);
    },
    inspect: async (admin, users, signal) =>
      await withSession(admin, signal, async (session) => {
        const lacks: string[] = [];
        for (const user of users) lacks.push(...(await lackFor(session, user)));
        const { version, encrypted, standby } = (await session.query(SERVER))[0] ?? {};
        const found = `PostgreSQL ${/^[\d.]+/.exec(String(version))?.[0] ?? ""}, ${encrypted === true ? "TLS" : "no TLS"}`;
        const wrong = [...lacks, ...(standby === true ? ["it is a replica, which only reads"] : [])];
        if (wrong.length === 0) return { ok: true, message: `${found}; the admin may change the password` };
        return { ok: false, message: `${found}; ${wrong.join("; ")}`, advice: "See docs/rotation-targets.md." };
      }),
  };
}

const SERVER = `SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS standby,
  (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS encrypted`;

/** From 16 on, whoever changes a role has to be its admin. */
const MAY_ALTER = `SELECT role.rolcanlogin AS login, me.rolsuper OR role.oid = me.oid OR (me.rolcreaterole AND NOT role.rolsuper AND
  (current_setting('server_version_num')::int < 160000 OR pg_has_role(me.oid, role.oid, 'MEMBER WITH ADMIN OPTION'))) AS may
  FROM pg_roles role, pg_roles me WHERE role.rolname = $1 AND me.rolname = current_user`;

async function lackFor(session: SqlSession, user: string): Promise<string[]> {
  const [role]: Rows = await session.query(MAY_ALTER, [user]);
  if (role === undefined) return [`there is no role ${identifier(user)}`];
  return [
    ...(role["login"] === true ? [] : [`the role ${identifier(user)} may not log in`]),
    ...(role["may"] === true ? [] : [`the admin may not change the role ${identifier(user)}`]),
  ];
}

/** As `quote_ident` does where it has to; nothing but the quote has a meaning inside. */
function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
