import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseStrategy, DatabaseTarget } from "../../src/core/rotation/policy.ts";
import { awkwardPassword, awkwardUser, changeOf, credential, openTarget } from "../support/databaseTargets.ts";
import { type MariadbServer, startMariadb } from "../support/mariadb.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { describeTarget, type TargetWorld } from "./target.ts";

interface Kind {
  readonly kind: DatabaseTarget["kind"];
  readonly start: (dir: string) => Promise<MariadbServer | PostgresServer>;
  /** The name in its certificate. */
  readonly host: string;
}

const postgres: Kind = {
  kind: "postgres",
  host: "127.0.0.1",
  start: async (dir) => await startPostgres({ dir, tls: true }),
};

const mariadb: Kind = {
  kind: "mariadb",
  host: "localhost",
  start: async (dir) => await startMariadb({ dir, tls: true }),
};

async function openWorld(
  kind: Kind,
  strategyKind: DatabaseStrategy["kind"],
  isOwnAdmin: boolean,
): Promise<TargetWorld> {
  const dir = mkdtempSync(join(tmpdir(), "helmwarden-target-"));
  const server = await kind.start(dir);
  const [user, other] = [awkwardUser(), awkwardUser()];
  const isAlternating = strategyKind === "alternating";
  const strategy: DatabaseStrategy = isAlternating
    ? { kind: "alternating", users: [user, other], userKey: "DB_USER" }
    : { kind: strategyKind, user };
  let current = awkwardPassword("first");
  const tls = { mode: "verify", caFile: server.caFile } as const;
  const target = await openTarget(
    { kind: kind.kind, host: kind.host, port: server.port, tls },
    strategy,
    isOwnAdmin ? { user, password: () => current } : server.superuser,
  );
  return {
    target,
    async begin() {
      current = awkwardPassword("current");
      await server.makeUser(user, current.reveal());
      if (isAlternating) await server.makeUser(other, "idle until now");
      const next = awkwardPassword("next");
      return changeOf(
        credential(current, isAlternating ? user : undefined),
        credential(next, isAlternating ? other : undefined),
      );
    },
    accepts: async ({ user: name = user, value }) => await server.canLogin(name, value.reveal()),
    async close() {
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

describeTarget("PostgreSQL with one user", async () => await openWorld(postgres, "single", false));
describeTarget("PostgreSQL with one user that changes itself", async () => await openWorld(postgres, "single", true));
describeTarget("PostgreSQL with two users", async () => await openWorld(postgres, "alternating", false));
describeTarget("MariaDB with two passwords", async () => await openWorld(mariadb, "dual", false));
describeTarget("MariaDB with one password", async () => await openWorld(mariadb, "single", false));
describeTarget("MariaDB with one user that changes itself", async () => await openWorld(mariadb, "single", true));
describeTarget("MariaDB with two users", async () => await openWorld(mariadb, "alternating", false));
