import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { crashes, type Death, deathsAt } from "../../support/crashRotation.ts";
import {
  databaseFolder,
  mariadbFor,
  openRotationScenario,
  postgresFor,
  redisFor,
  type RotationScenario,
  type Server,
} from "../../support/rotation.ts";

let scenario: RotationScenario;
let database: Server;
const folder = databaseFolder();
afterEach(async () => {
  await scenario.close();
  await database.stop();
  folder.remove();
});

const ADMIN = "password: { fromEnv: ADMIN_PASSWORD }";
/** What is in the store is valid, and nothing else. */
const NOBODY: Server = {
  port: 0,
  superuser: { user: "nobody", password: "superuser-of-a-test" },
  canLogin: async (_user, password) => (await scenario.vault.get("app"))["PASSWORD"] === password,
  stop: () => Promise.resolve(),
};
const TARGETS = {
  "PostgreSQL, one user": {
    yaml: `postgres: { host: 127.0.0.1, port: __PORT__, user: app, admin: { user: postgres, ${ADMIN} } }`,
    start: (old: string, idle: string) => postgresFor(folder.dir, { app: old, app_b: idle }),
  },
  "PostgreSQL, two users": {
    yaml: `postgres: { host: 127.0.0.1, port: __PORT__, users: [app, app_b], userKey: USERNAME, admin: { user: postgres, ${ADMIN} } }`,
    start: (old: string, idle: string) => postgresFor(folder.dir, { app: old, app_b: idle }),
  },
  "MariaDB, two passwords": {
    yaml: `mariadb: { host: 127.0.0.1, port: __PORT__, user: app, admin: { user: admin, ${ADMIN} } }`,
    start: (old: string) => mariadbFor(folder.dir, old),
  },
  "MariaDB, one password": {
    yaml: `mariadb: { host: 127.0.0.1, port: __PORT__, user: app, strategy: single, admin: { user: admin, ${ADMIN} } }`,
    start: (old: string) => mariadbFor(folder.dir, old),
  },
  "MariaDB, two users": {
    yaml: `mariadb: { host: 127.0.0.1, port: __PORT__, users: [app, app_b], userKey: USERNAME, admin: { user: admin, ${ADMIN} } }`,
    start: async (old: string, idle: string) => {
      const server = await mariadbFor(folder.dir, old);
      await server.makeUser("app_b", idle);
      return server;
    },
  },
  "Redis, two passwords": {
    yaml: `redis: { host: 127.0.0.1, port: __PORT__, user: app, admin: { user: admin, ${ADMIN} } }`,
    start: (old: string) => redisFor(folder.dir, old),
  },
  "Nothing that checks it": { yaml: "none: {}", start: () => Promise.resolve(NOBODY) },
} as const;

async function open({ yaml, start }: (typeof TARGETS)[keyof typeof TARGETS]): Promise<void> {
  const password = canary("old");
  database = await start(password, canary("idle"));
  scenario = await openRotationScenario(import.meta.dirname, database);
  scenario.configure(scenario.config().replace("__TARGET__", yaml.replace("__PORT__", String(database.port))));
  await scenario.vault.put("app", { PASSWORD: password, USERNAME: "app" });
}

/** Dies at each of them, and has the next try leave one valid password everywhere. `ended`: where nothing is left. */
async function surviveAll(
  killed: ReturnType<typeof crashes>,
  effects: readonly string[],
  deaths: readonly Death[],
  ended: "notDue" | "rotated",
): Promise<void> {
  for (const death of deaths) {
    const { PASSWORD: password = "", USERNAME: user = "" } = await scenario.vault.get("app");
    // The last rotation is forgotten: the secret is due again.
    await scenario.vault.put("app", { PASSWORD: password, USERNAME: user });
    const { signal } = await killed.dieAt(death);
    const where = `killed ${death.when} effect ${death.effect}, ${effects[death.effect]}`;
    expect({ where, signal }).toEqual({ where, signal: "SIGKILL" });

    const left = effects.slice(death.effect + (death.when === "after" ? 1 : 0));
    const outcome = await killed.goOn();
    const now = await scenario.vault.get("app");
    const live = await scenario.secret("app");
    const stateful = JSON.parse(now["PASSWORD__ROTATION"] ?? "{}") as { attempt?: object };
    expect({
      where,
      outcome: outcome.kind,
      pending: stateful.attempt,
      live,
      app: await database.canLogin(live["username"] ?? "", live["password"] ?? ""),
      old: await database.canLogin(user, password),
    }).toEqual({
      where,
      outcome: left.some((name) => name !== "append") ? "rotated" : ended,
      pending: undefined,
      live: { password: now["PASSWORD"], username: now["USERNAME"] },
      app: true,
      old: false,
    });
    expect(now["PASSWORD"]).not.toBe(password);
  }
}

const login = (): Record<string, string> => ({ ADMIN_PASSWORD: database.superuser.password });

test.each(Object.entries(TARGETS))(
  "%s: killed before and after each effect, the next try leaves one valid password everywhere",
  { timeout: 900_000 },
  async (name, target) => {
    await open(target);
    const killed = crashes(scenario, login());
    const effects = await killed.effects();
    const own = name === "Nothing that checks it" ? [] : ["set", "retire"];
    expect(effects).toEqual(expect.arrayContaining(["replace", "apply", ...own]));
    await surviveAll(killed, effects, deathsAt(effects), "notDue");
  },
);

test("killed around each record of the audit log, and while the old value comes back, it is the same", async () => {
  await open(TARGETS["PostgreSQL, one user"]);
  const recorded = crashes(scenario, login(), "--records");
  const all = await recorded.effects();
  // Between two records that follow each other, nothing has happened.
  const records = deathsAt(all).filter(
    ({ when, effect }) => when === "before" && all[effect] === "append" && all[effect - 1] !== "append",
  );
  expect(records.length).toBeGreaterThanOrEqual(5);
  await surviveAll(recorded, all, records, "notDue");

  for (const refuses of ["test", "apply"]) {
    const undone = crashes(scenario, login(), "--refuses", refuses);
    const { PASSWORD: password = "", USERNAME: user = "" } = await scenario.vault.get("app");
    await scenario.vault.put("app", { PASSWORD: password, USERNAME: user });
    const effects = await undone.effects();
    expect(effects.slice(effects.indexOf("undo"))).toEqual(["undo", "replace"]);
    expect(await database.canLogin(user, password)).toBe(true);
    expect((await scenario.secret("app"))["password"]).toBe(password);
    // The next try is refused nothing: where the old value is back, it begins anew.
    await surviveAll(undone, effects, deathsAt(effects, effects.indexOf("undo")), "rotated");
  }
});
