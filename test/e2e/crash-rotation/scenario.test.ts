import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { startProgram } from "../../support/program.ts";
import {
  databaseFolder,
  mariadbFor,
  openRotationScenario,
  postgresFor,
  redisFor,
  type RotationScenario,
  type Server,
} from "../../support/rotation.ts";
import { rotateOnce } from "../../support/rotateOnce.ts";

let scenario: RotationScenario;
let database: Server;
const folder = databaseFolder();
afterEach(async () => {
  await scenario.close();
  await database.stop();
  folder.remove();
});

const ADMIN = "password: { fromEnv: ADMIN_PASSWORD }";
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
  "Redis, two passwords": {
    yaml: `redis: { host: 127.0.0.1, port: __PORT__, user: app, admin: { user: admin, ${ADMIN} } }`,
    start: (old: string) => redisFor(folder.dir, old),
  },
} as const;

/** A child that dies before or after its n-th effect; without a number it tells them all. */
async function crash(when?: "before" | "after", effect?: number) {
  const death = when === undefined ? [] : [when, String(effect)];
  return await startProgram(["crash", "-c", join(scenario.dir, "config"), ...death], {
    dir: scenario.dir,
    env: {
      KUBECONFIG: scenario.kubeconfig,
      VAULT_TOKEN: scenario.vault.token,
      ADMIN_PASSWORD: database.superuser.password,
    },
    entry: "test/support/crashingRotation.ts",
  }).end;
}

test.each(Object.entries(TARGETS))(
  "%s: killed before and after each effect, the next try leaves one valid password everywhere",
  { timeout: 900_000 },
  async (_name, { yaml, start }) => {
    let password = canary("old");
    let user = "app";
    database = await start(password, canary("idle"));
    scenario = await openRotationScenario(import.meta.dirname, database);
    scenario.configure(scenario.config().replace("__TARGET__", yaml.replace("__PORT__", String(database.port))));
    await scenario.vault.put("app", { PASSWORD: password, USERNAME: user });
    const effects = (await crash()).stdout.trim().split("\n");
    expect(effects).toEqual(expect.arrayContaining(["set", "retire", "replace"]));

    const environment = {
      ...process.env,
      KUBECONFIG: scenario.kubeconfig,
      VAULT_TOKEN: scenario.vault.token,
      ADMIN_PASSWORD: database.superuser.password,
    };
    for (const effect of effects.keys()) {
      for (const when of ["before", "after"] as const) {
        ({ PASSWORD: password = "", USERNAME: user = "" } = await scenario.vault.get("app"));
        // The last rotation is forgotten: the secret is due again.
        await scenario.vault.put("app", { PASSWORD: password, USERNAME: user });
        const { signal } = await crash(when, effect);
        const where = `killed ${when} effect ${effect}, ${effects[effect]}`;
        expect({ where, signal }).toEqual({ where, signal: "SIGKILL" });

        const config = join(scenario.dir, "config");
        const outcome = await rotateOnce({ config, environment, cacheFolder: join(scenario.dir, "cache") });
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
          outcome: when === "after" && effect === effects.length - 1 ? "notDue" : "rotated",
          pending: undefined,
          live: { password: now["PASSWORD"], username: now["USERNAME"] },
          app: true,
          old: false,
        });
        expect(now["PASSWORD"]).not.toBe(password);
      }
    }
  },
);
