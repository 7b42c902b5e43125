import { connect, type Socket } from "node:net";
import { type Connection, type ConnectionOptions, createConnection, type QueryError } from "mysql2";
import type { HelmwardenError } from "../errors.ts";
import type { Login, Rows, SqlSession, WithSession } from "./database.ts";
import { cancelled, type DatabaseFault, databaseFault } from "./databaseFault.ts";
import type { Encryption } from "./databaseTls.ts";
import { withTlsFirst } from "./withTlsFirst.ts";

/** For a login and all that is asked in its session. */
const DEADLINE_MS = 30_000;

export interface MysqlServer {
  /** For messages. */
  readonly shown: string;
  readonly host: string;
  readonly port: number;
  readonly database: string | undefined;
  /** For one session; 30 s unless told. */
  readonly deadlineMs?: number;
}

/** Sessions at one MariaDB or MySQL. */
export function mysqlSessions(
  server: MysqlServer,
  encryptions: () => Promise<readonly (Encryption | undefined)[]>,
): WithSession {
  return withTlsFirst(encryptions, (encryption, login, signal, work) =>
    connected(server, encryption, login, signal, work),
  );
}

async function connected<T>(
  server: MysqlServer,
  encryption: Encryption | undefined,
  { user, password }: Login,
  signal: AbortSignal,
  work: (session: SqlSession) => Promise<T>,
): Promise<T> {
  const { shown, host, port, database, deadlineMs = DEADLINE_MS } = server;
  if (signal.aborted) throw cancelled(shown);
  const socket = connect(port, host).setNoDelay(true);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
  const cut = (): void => void socket.destroy();
  limit.addEventListener("abort", cut, { once: true });
  const options: ConnectionOptions = {
    host,
    port,
    user,
    password: password.reveal(),
    stream: socket,
    charset: "utf8mb4",
    connectTimeout: deadlineMs,
    ...(database === undefined ? {} : { database }),
    ...(encryption === undefined ? {} : { ssl: sslOf(encryption) }),
  };
  const connection = createConnection(options);
  // What breaks off rejects what is asked as well.
  connection.on("error", () => undefined);
  const ask = async <A>(question: (done: (fault: QueryError | null, answer?: A) => void) => unknown): Promise<A> => {
    try {
      return await new Promise((resolve, reject) => {
        question((fault, answer) => (fault === null ? resolve(answer as A) : reject(fault)));
      });
    } catch (caught) {
      throw signal.aborted ? cancelled(shown) : faultOf(caught, shown, user);
    }
  };
  try {
    await ask<void>((done) => connection.connect(done));
    return await work({
      query: async (sql, parameters) =>
        await ask<Rows>((done) =>
          parameters === undefined
            ? connection.query(sql, (fault, answer) => done(fault, answer as unknown as Rows))
            : connection.execute(sql, [...parameters], (fault, answer) => done(fault, answer as unknown as Rows)),
        ),
    });
  } finally {
    await leave(connection, socket);
    limit.removeEventListener("abort", cut);
  }
}

/** The server closes when it has heard it; at the deadline the socket is cut all the same. */
async function leave(connection: Connection, socket: Socket): Promise<void> {
  if (socket.destroyed) return;
  const closed = new Promise((resolve) => socket.once("close", resolve));
  connection.end();
  await closed;
}

function sslOf({ ca, checksChain, checksName }: Encryption): NonNullable<Exclude<ConnectionOptions["ssl"], string>> {
  return { ...(ca === undefined ? {} : { ca }), rejectUnauthorized: checksChain, verifyIdentity: checksName };
}

/** https://mariadb.com/kb/en/mariadb-error-codes/ and MySQL's own above 3000. */
const FAULTS: Readonly<Record<number, DatabaseFault>> = {
  1044: "forbidden",
  1045: "login",
  1049: "noSuchDatabase",
  1064: "syntax",
  1130: "login",
  1133: "noSuchUser",
  1142: "forbidden",
  1227: "forbidden",
  1396: "noSuchUser",
  1410: "forbidden",
  1524: "plugin",
  1698: "login",
  1819: "policy",
  // Expired: a session, in which nothing but a new password is allowed.
  1820: "login",
  1836: "readOnly",
  1862: "login",
  3118: "login",
  3638: "policy",
  4151: "login",
};

/** Too many connections, blocked hosts, locks, deadlocks, shutdown, broken packets, interruptions. */
const PASSING = [1040, 1053, 1077, 1079, 1080, 1129, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1226, 1317, 1927, 1969];

function faultOf(caught: unknown, shown: string, user: string): HelmwardenError {
  const { code, errno, message } = caught as Partial<Record<"code" | "errno" | "message", unknown>>;
  // Numbers below 0 are the operating system's.
  if (typeof errno === "number" && errno > 0) {
    const fault = errno === 1290 ? preventedBy(String(message)) : FAULTS[errno];
    const otherwise = PASSING.includes(errno) ? "unavailable" : "refused";
    return databaseFault(fault ?? otherwise, shown, user, String(errno));
  }
  if (code === "HANDSHAKE_NO_SSL_SUPPORT") return databaseFault("noTls", shown, user);
  if (code === "HANDSHAKE_SSL_ERROR") return databaseFault("untrusted", shown, user);
  const isPlugin = code === "AUTH_SWITCH_PLUGIN_ERROR" || code === "MYSQL_CLEAR_PASSWORD_NOT_ENABLED";
  return databaseFault(isPlugin ? "plugin" : "unavailable", shown, user);
}

/** An option of the server does, which only the text names. */
function preventedBy(message: string): DatabaseFault {
  if (message.includes("strict-password-validation")) return "hash";
  return message.includes("read-only") || message.includes("read_only") ? "readOnly" : "refused";
}
