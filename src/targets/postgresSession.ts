import { Socket } from "node:net";
import { Client } from "pg";
import type { HelmwardenError } from "../errors.ts";
import type { Login, SqlSession, WithSession } from "./database.ts";
import { cancelled, type DatabaseFault, databaseFault } from "./databaseFault.ts";
import type { Encryption } from "./databaseTls.ts";
import { withTlsFirst } from "./withTlsFirst.ts";

/** For a login and all that is asked in its session; the server itself gives up on a statement earlier. */
const DEADLINE_MS = 30_000;
const STATEMENT_MS = 15_000;

export interface PostgresServer {
  /** For messages. */
  readonly shown: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** For one session; 30 s unless told. */
  readonly deadlineMs?: number;
}

/** Sessions at one PostgreSQL. */
export function postgresSessions(
  server: PostgresServer,
  encryptions: () => Promise<readonly (Encryption | undefined)[]>,
): WithSession {
  return withTlsFirst(encryptions, (encryption, login, signal, work) =>
    connected(server, encryption, login, signal, work),
  );
}

async function connected<T>(
  server: PostgresServer,
  encryption: Encryption | undefined,
  { user, password }: Login,
  signal: AbortSignal,
  work: (session: SqlSession) => Promise<T>,
): Promise<T> {
  const { shown, host, port, database, deadlineMs = DEADLINE_MS } = server;
  const socket = new Socket();
  const client = new Client({
    host,
    port,
    database,
    user,
    password: password.reveal(),
    ssl: encryption === undefined ? false : sslOf(encryption),
    application_name: "helmwarden",
    stream: () => socket,
  });
  // What breaks off rejects what is asked as well.
  client.on("error", () => undefined);
  if (signal.aborted) throw cancelled(shown);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
  const cut = (): void => void socket.destroy();
  limit.addEventListener("abort", cut, { once: true });
  const ask = async <A>(question: () => Promise<A>): Promise<A> => {
    try {
      return await question();
    } catch (caught) {
      throw signal.aborted ? cancelled(shown) : faultOf(caught, shown, user);
    }
  };
  try {
    await ask(() => client.connect());
    await ask(() => client.query(`SET statement_timeout = ${STATEMENT_MS}`));
    return await work({
      query: async (sql, parameters) =>
        (await ask(() => client.query<Record<string, unknown>>(sql, parameters === undefined ? [] : [...parameters])))
          .rows,
    });
  } finally {
    await client.end().catch(() => undefined);
    limit.removeEventListener("abort", cut);
    socket.destroy();
  }
}

function sslOf({ ca, checksChain, checksName }: Encryption): object {
  return {
    ...(ca === undefined ? {} : { ca }),
    rejectUnauthorized: checksChain,
    ...(checksName ? {} : { checkServerIdentity: () => undefined }),
  };
}

/** https://www.postgresql.org/docs/15/errcodes-appendix.html */
const FAULTS: Readonly<Record<string, DatabaseFault>> = {
  "28000": "login",
  "28P01": "login",
  "42704": "noSuchUser",
  "3D000": "noSuchDatabase",
  "42501": "forbidden",
  "25006": "readOnly",
  "22023": "policy",
};

/** Connections, resources, transactions, locks, the operator, the system, the server's own faults. */
const PASSING = /^(08|40|53|55|57|58|XX)/;

function faultOf(caught: unknown, shown: string, user: string): HelmwardenError {
  const { code, message } = caught as { readonly code?: unknown; readonly message?: unknown };
  const state = typeof code === "string" ? code : "";
  if (/^[0-9A-Z]{5}$/.test(state) && caught instanceof Error && "severity" in caught) {
    const fault = FAULTS[state] ?? (PASSING.test(state) ? "unavailable" : "refused");
    return databaseFault(fault, shown, user, state);
  }
  if (message === "The server does not support SSL connections") return databaseFault("noTls", shown, user);
  const isCertificate = /CERT|SELF_SIGNED|VERIFY|ISSUER/.test(state);
  return databaseFault(isCertificate ? "untrusted" : "unavailable", shown, user);
}
