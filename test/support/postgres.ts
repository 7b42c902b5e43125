// A real PostgreSQL on loopback that a test stops, kills and starts again on the same data; it logs every statement.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { clusterBinary, initdbBinary, postgresBinary } from "./binaries.ts";
import { databaseProcess, giveAway, unprivileged } from "./databaseProcess.ts";
import { freePort } from "./redisServer.ts";

export interface PostgresOptions {
  /** Its data, log and certificates go here; made if it is missing. Not below `runDir`: it is large. */
  readonly dir: string;
  /** Takes TLS beside plain connections, with a certificate of a CA of its own for localhost and 127.0.0.1. */
  readonly tls?: boolean;
  /** Settings as in postgresql.conf, as `shared_preload_libraries=passwordcheck`. */
  readonly settings?: readonly string[];
}

export interface PostgresServer {
  readonly port: number;
  readonly superuser: { readonly user: string; readonly password: string };
  /** Only with `tls`. */
  readonly caFile: string | undefined;
  readonly pid: () => number;
  /** As the superuser, on a connection of its own. */
  query(sql: string, parameters?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** A user that may log in, with this password; one that is there gets it. Gives its name as SQL takes it. */
  makeUser(user: string, password: string, options?: string): Promise<string>;
  /** False only where the server refuses the login. */
  canLogin(user: string, password: string): Promise<boolean>;
  /** All that it has logged. */
  log(): string;
  stop(): Promise<void>;
  /** SIGKILL, and nothing of it is left. */
  kill(): Promise<void>;
  /** On the same data and port; stops it first where it runs. `standby`: it only reads, as a replica does. */
  restart(options?: { readonly standby?: boolean }): Promise<void>;
}

const SUPERUSER = { user: "postgres", password: "superuser-of-a-test" };

export async function startPostgres({ dir, tls = false, settings = [] }: PostgresOptions): Promise<PostgresServer> {
  const data = join(dir, "data");
  const pki = join(dir, "pki");
  const port = await freePort();
  makeData(dir, data);
  if (tls) makeCertificates(pki, data);
  const own = [
    "listen_addresses=127.0.0.1",
    `port=${port}`,
    "unix_socket_directories=",
    "log_statement=all",
    "log_connections=on",
    "log_min_messages=info",
    // What the process wrote outlives its end all the same.
    "fsync=off",
    "shared_buffers=16MB",
    `ssl=${tls ? "on" : "off"}`,
    ...settings,
  ].flatMap((setting) => ["-c", setting]);
  const started = databaseProcess({
    name: "postgres",
    ...unprivileged(postgresBinary(), ["-D", data, ...own]),
    logFile: join(dir, "postgres.log"),
    stopSignal: "SIGINT",
    answers: async () => (await query(port, SUPERUSER, "SELECT 1")).length === 1,
  });
  await started.start([]);
  return {
    port,
    superuser: SUPERUSER,
    caFile: tls ? join(pki, "ca.crt") : undefined,
    ...started,
    query: async (sql, parameters) => await query(port, SUPERUSER, sql, parameters),
    async makeUser(user, password, options = "") {
      const name = `"${user.replaceAll('"', '""')}"`;
      const [known] = await query(port, SUPERUSER, "SELECT 1 FROM pg_roles WHERE rolname = $1", [user]);
      const literal = `'${password.replaceAll("'", "''")}'`;
      const verb = known === undefined ? "CREATE" : "ALTER";
      await query(port, SUPERUSER, `${verb} ROLE ${name} LOGIN ${options} PASSWORD ${literal}`);
      return name;
    },
    canLogin: async (user, password) => await canLogin(port, { user, password }),
    async restart({ standby = false } = {}) {
      await started.stop();
      const mark = join(data, "standby.signal");
      if (standby) writeFileSync(mark, "");
      else rmSync(mark, { force: true });
      await started.start([]);
    },
  };
}

function makeData(dir: string, data: string): void {
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const passwordFile = join(dir, "superuser");
  writeFileSync(passwordFile, SUPERUSER.password);
  giveAway(data, passwordFile);
  const args = ["-D", data, "-U", SUPERUSER.user, `--pwfile=${passwordFile}`, "--no-sync", "--locale=C"];
  const init = unprivileged(initdbBinary(), [...args, "--encoding=UTF8", "--auth=scram-sha-256"]);
  execFileSync(init.program, init.args, { env: { PATH: process.env["PATH"], LC_ALL: "C" }, stdio: "pipe" });
}

function makeCertificates(pki: string, data: string): void {
  execFileSync(clusterBinary(), ["certs", pki]);
  for (const end of ["crt", "key"]) {
    copyFileSync(join(pki, `server.${end}`), join(data, `server.${end}`));
    giveAway(join(data, `server.${end}`));
  }
}

async function query(
  port: number,
  login: { readonly user: string; readonly password: string },
  sql: string,
  parameters: readonly unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const client = new Client({ host: "127.0.0.1", port, database: "postgres", ssl: false, ...login });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql, [...parameters])).rows;
  } finally {
    await client.end();
  }
}

async function canLogin(port: number, login: { user: string; password: string }): Promise<boolean> {
  try {
    await query(port, login, "SELECT 1");
    return true;
  } catch (caught) {
    const { code } = caught as { code?: string };
    if (code === "28P01" || code === "28000") return false;
    throw caught;
  }
}
