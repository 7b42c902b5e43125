// An app whose credentials a database checks: a release, a real database with data that outlive it, and a client.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { vi } from "vitest";
import { type MariadbServer, startMariadb } from "./mariadb.ts";
import { type PostgresServer, startPostgres } from "./postgres.ts";
import { startRedis } from "./redisServer.ts";
import type { ProgramEnd } from "./program.ts";
import { openScenario, type Scenario, type ScenarioOptions } from "./scenario.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

export interface RotationScenario extends Scenario {
  readonly rotate: (...args: string[]) => Promise<ProgramEnd>;
  /** Logs in again and again, with what the app's Secret holds at that moment, until it is told to stop. */
  readonly client: () => { readonly stop: () => Promise<readonly Login[]> };
}

export interface Login {
  /** Milliseconds since the client began. */
  readonly at: number;
  readonly ok: boolean;
}

export type Server = Pick<PostgresServer, "port" | "superuser" | "canLogin" | "stop">;

/** 20 a second. */
const EVERY_MS = 50;
const NOW = ["--now", "--reason", "a test"];

/** `database` of the configuration is filled in: `__PORT__`. Its Secret is called `app`. */
export async function openRotationScenario(
  folder: string,
  server: Server,
  env: ScenarioOptions["env"] = {},
): Promise<RotationScenario> {
  const scenario = await openScenario(folder, {
    vaultWrites: true,
    env: { ADMIN_PASSWORD: server.superuser.password, ...env },
  });
  scenario.configure(scenario.config().replaceAll("__PORT__", String(server.port)));
  return {
    ...scenario,
    rotate: (...args) => scenario.run("rotate", [...(args.includes("--dry-run") ? [] : NOW), ...args]),
    client: () => startClient(scenario, server),
  };
}

function startClient(scenario: Scenario, server: Server): { stop: () => Promise<readonly Login[]> } {
  const start = performance.now();
  const logins: Login[] = [];
  const stop = new AbortController();
  const one = async (): Promise<void> => {
    const { username = "app", password = "" } = await scenario.secret("app");
    const at = performance.now() - start;
    logins.push({ at, ok: await server.canLogin(username, password) });
  };
  const loop = (async () => {
    const running = new Set<Promise<void>>();
    while (!stop.signal.aborted) {
      const login = one().finally(() => running.delete(login));
      running.add(login);
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
    await Promise.all(running);
  })();
  return {
    async stop() {
      stop.abort();
      await loop;
      return logins.toSorted((left, right) => left.at - right.at);
    },
  };
}

/** A folder for a database's data, which may not lie below what is searched for secrets. */
export function databaseFolder(): { readonly dir: string; readonly remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), "helmwarden-database-"));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** With an app of one user, `app`, that may log in with this password. */
export async function postgresFor(dir: string, users: Readonly<Record<string, string>>): Promise<PostgresServer> {
  const server = await startPostgres({ dir });
  for (const [user, password] of Object.entries(users)) {
    await server.query(`CREATE ROLE ${user} LOGIN PASSWORD '${password}'`);
  }
  return server;
}

export async function mariadbFor(dir: string, password: string): Promise<MariadbServer> {
  const server = await startMariadb({ dir });
  await server.query(`CREATE USER app@'%' IDENTIFIED BY '${password}'`);
  return server;
}

/** A Redis with users in a file; `app` may log in with this password. */
export async function redisFor(dir: string, password: string): Promise<Server> {
  const admin = { user: "admin", password: "superuser-of-a-test" };
  const aclFile = join(dir, "users.acl");
  mkdirSync(dir, { recursive: true });
  const users = ["user default off", `user ${admin.user} on >${admin.password} ~* &* +@all`];
  writeFileSync(aclFile, [...users, `user app on >${password} ~* +@all`, ""].join("\n"));
  const login = `${admin.user}:${admin.password}@`;
  const server = await startRedis({ dir, login, args: ["--aclfile", aclFile] });
  return {
    port: server.port,
    superuser: admin,
    stop: () => server.stop(),
    async canLogin(username, tried) {
      const client = new Redis({
        port: server.port,
        username,
        password: tried,
        lazyConnect: true,
        retryStrategy: null,
      });
      // What the server says comes as an event; the call only says that the connection is closed.
      let said = "";
      client.on("error", (error: Error) => (said += error.message));
      try {
        await client.connect();
        return (await client.ping()) === "PONG";
      } catch (caught) {
        if (/WRONGPASS|NOAUTH/.test(said + (caught as Error).message)) return false;
        throw caught;
      } finally {
        client.disconnect();
      }
    },
  };
}
