// A real MariaDB on loopback that a test stops, kills and starts again on the same data; it logs every statement.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { clusterBinary, mariadbBinary, mariadbPlugins, mariadbShare } from "./binaries.ts";
import { databaseProcess, isRoot } from "./databaseProcess.ts";
import { freePort } from "./redisServer.ts";

export interface MariadbOptions {
  /** Its data, logs and certificates go here; made if it is missing. Not below `runDir`: it is large. */
  readonly dir: string;
  /** Takes TLS beside plain connections, with a certificate of a CA of its own for localhost and 127.0.0.1. */
  readonly tls?: boolean;
  /** Its own arguments, as `--plugin-load-add=simple_password_check`. */
  readonly args?: readonly string[];
}

export interface MariadbServer {
  readonly port: number;
  readonly superuser: { readonly user: string; readonly password: string };
  /** Only with `tls`. */
  readonly caFile: string | undefined;
  readonly pid: () => number;
  /** As the superuser, on a connection of its own. */
  query(sql: string, parameters?: readonly string[]): Promise<RowDataPacket[]>;
  /** A user of any host with this password and no other; one that is there loses what it had. Gives the account. */
  makeUser(user: string, password: string): Promise<string>;
  /** False only where the server refuses the login. */
  canLogin(user: string, password: string): Promise<boolean>;
  /** All that it has logged, every statement too. */
  log(): string;
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** On the same data and port; stops it first where it runs. */
  restart(extra?: readonly string[]): Promise<void>;
}

const SUPERUSER = { user: "admin", password: "superuser-of-a-test" };
const REFUSED = ["ER_ACCESS_DENIED_ERROR", "ER_ACCESS_DENIED_NO_PASSWORD_ERROR"];

export async function startMariadb({ dir, tls = false, args = [] }: MariadbOptions): Promise<MariadbServer> {
  const data = join(dir, "data");
  const pki = join(dir, "pki");
  const generalLog = join(dir, "general.log");
  const port = await freePort();
  const base = baseArguments(data);
  makeData(dir, data, base);
  if (tls) execFileSync(clusterBinary(), ["certs", pki]);
  const certificate = [`--ssl-ca=${pki}/ca.crt`, `--ssl-cert=${pki}/server.crt`, `--ssl-key=${pki}/server.key`];
  const started = databaseProcess({
    name: "mariadb",
    program: mariadbBinary(),
    args: [
      ...base,
      "--bind-address=127.0.0.1",
      `--port=${port}`,
      // The path of a socket is at most 107 bytes long.
      `--socket=${join(tmpdir(), `helmwarden-mariadb-${port}`)}`,
      "--skip-name-resolve",
      `--init-file=${join(dir, "init.sql")}`,
      "--general-log",
      `--general-log-file=${generalLog}`,
      ...(tls ? certificate : ["--skip-ssl"]),
      ...args,
    ],
    logFile: join(dir, "mariadb.log"),
    stopSignal: "SIGTERM",
    answers: async () => (await query(port, SUPERUSER, "SELECT 1")).length === 1,
  });
  await started.start([]);
  return {
    port,
    superuser: SUPERUSER,
    caFile: tls ? join(pki, "ca.crt") : undefined,
    ...started,
    query: async (sql, parameters) => await query(port, SUPERUSER, sql, parameters),
    async makeUser(user, password) {
      await query(port, SUPERUSER, "CREATE OR REPLACE USER ?@'%' IDENTIFIED BY ?", [user, password]);
      return `\`${user.replaceAll("`", "``")}\`@'%'`;
    },
    canLogin: async (user, password) => await canLogin(port, { user, password }),
    log: () => started.log() + (existsSync(generalLog) ? readFileSync(generalLog, "utf8") : ""),
    async restart(extra = []) {
      await started.stop();
      await started.start(extra);
    },
  };
}

function baseArguments(data: string): string[] {
  const places = [`--datadir=${data}`, `--lc-messages-dir=${mariadbShare()}`, `--plugin-dir=${mariadbPlugins()}`];
  const small = ["--innodb-log-file-size=8M", "--innodb-buffer-pool-size=16M", "--aria-pagecache-buffer-size=8M"];
  return ["--no-defaults", ...places, ...small, ...(isRoot() ? ["--user=root"] : [])];
}

/** What mariadb-install-db does, without help texts and views that nobody reads here. */
function makeData(dir: string, data: string, base: readonly string[]): void {
  mkdirSync(data, { recursive: true });
  const scripts = ["mysql_system_tables", "mysql_performance_tables", "mysql_system_tables_data"];
  const sql = scripts.map((script) => readFileSync(join(mariadbShare(), `${script}.sql`), "utf8"));
  const input = ["CREATE DATABASE mysql;", "USE mysql;", "SET @auth_root_socket=NULL;", ...sql].join("\n");
  execFileSync(mariadbBinary(), [...base, "--bootstrap"], { input, stdio: "pipe" });
  const account = `'${SUPERUSER.user}'@'127.0.0.1'`;
  writeFileSync(
    join(dir, "init.sql"),
    `CREATE USER IF NOT EXISTS ${account} IDENTIFIED BY '${SUPERUSER.password}';\nGRANT ALL ON *.* TO ${account} WITH GRANT OPTION;\n`,
  );
}

async function query(
  port: number,
  login: { readonly user: string; readonly password: string },
  sql: string,
  parameters: readonly string[] = [],
): Promise<RowDataPacket[]> {
  const connection = await createConnection({ host: "127.0.0.1", port, ...login });
  connection.on("error", () => undefined);
  try {
    const [rows] = await connection.query<RowDataPacket[]>(sql, [...parameters]);
    return rows;
  } finally {
    connection.destroy();
  }
}

async function canLogin(port: number, login: { user: string; password: string }): Promise<boolean> {
  try {
    await query(port, login, "SELECT 1");
    return true;
  } catch (caught) {
    if (REFUSED.includes((caught as { code?: string }).code ?? "")) return false;
    throw caught;
  }
}
