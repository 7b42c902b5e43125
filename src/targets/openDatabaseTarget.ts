import { isIP } from "node:net";
import type { ChartJobTarget, DatabaseServer, DatabaseTarget, SecretSource } from "../core/rotation/policy.ts";
import type { SecretValue } from "../core/secretValue.ts";
import { HelmwardenError } from "../errors.ts";
import type { RotationTarget } from "../ports.ts";
import type { Database } from "./database.ts";
import { databaseTarget } from "./databaseTarget.ts";
import { encryptionsOf } from "./databaseTls.ts";

/** A database; no call is made yet, and its driver is loaded here. ConfigInvalid: it could not work that way. */
export async function openDatabaseTarget(
  spec: DatabaseTarget,
  read: (source: SecretSource) => Promise<SecretValue>,
): Promise<RotationTarget> {
  const { kind, strategy, admin } = spec;
  if (kind === "postgres" && strategy.kind === "dual")
    throw invalid("PostgreSQL takes one password for each user", "Use the strategy `alternating` or `single`");
  if (strategy.kind === "alternating" && strategy.users.includes(admin.user))
    throw invalid("The admin is one of the two users that alternate", "Name a third one");
  const { shown, database } = await openDatabase(spec, spec.userHost);
  return databaseTarget(database, { shown, strategy, admin, read });
}

/** One user's logins at a database, where somebody else changes its password. */
export async function openDatabaseLogin({
  user,
  ...server
}: NonNullable<ChartJobTarget["login"]>): Promise<
  (password: SecretValue, signal: AbortSignal) => ReturnType<Database["test"]>
> {
  const { database } = await openDatabase(server, "%");
  return async (password, signal) => await database.test({ user, password }, signal);
}

async function openDatabase(
  spec: DatabaseServer,
  userHost: string,
): Promise<{ readonly shown: string; readonly database: Database }> {
  const { kind, host, port } = spec;
  const shown = `${{ postgres: "PostgreSQL", mariadb: "MariaDB", mysql: "MySQL" }[kind]} at ${host}:${port}`;
  return { shown, database: await connectorOf(spec, shown, userHost) };
}

async function connectorOf(spec: DatabaseServer, shown: string, userHost: string): Promise<Database> {
  const { kind, host, port, database, tls } = spec;
  const encryptions = (): ReturnType<typeof encryptionsOf> => encryptionsOf(tls);
  if (kind === "postgres") {
    const [{ postgres }, { postgresSessions }] = [await import("./postgres.ts"), await import("./postgresSession.ts")];
    return postgres(shown, postgresSessions({ shown, host, port, database: database ?? "postgres" }, encryptions));
  }
  // The driver would look for "localhost" in the certificate.
  if (tls.mode === "verify" && isIP(host) !== 0)
    throw invalid(
      "With `tls.mode: verify`, an address is no name that a certificate could prove",
      "Set `host` to a name",
    );
  const [{ mysql }, { mysqlSessions }] = [await import("./mysql.ts"), await import("./mysqlSession.ts")];
  return mysql({ shown, userHost }, mysqlSessions({ shown, host, port, database }, encryptions));
}

function invalid(what: string, advice: string): HelmwardenError {
  return new HelmwardenError("ConfigInvalid", `${what}. ${advice}.`);
}
