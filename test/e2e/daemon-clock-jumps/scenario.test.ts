// The wall clock of the daemon's process is set forward by a day and back by two: see test/support/jumpingClock.ts.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { repository } from "../../../scripts/artifacts.mjs";
import { canary } from "../../support/canary.ts";
import {
  type DaemonScenario,
  expectWhole,
  openDaemonScenario,
  type RunningDaemon,
  until,
} from "../../support/daemon.ts";
import { type RedisServer, startRedis } from "../../support/redisServer.ts";

const DAY = 86_400_000;

let scenario: DaemonScenario;
let dir: string;
let redis: RedisServer | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "helmwarden-clock-"));
});
afterEach(async () => {
  await redis?.stop("SIGKILL");
  redis = undefined;
  rmSync(dir, { recursive: true });
  await scenario.close();
});

const setClock = (offsetMs: number): void => writeFileSync(join(dir, "offset"), String(offsetMs));

/** How old the daemon takes the secret for, which it reckons by its wall clock. */
async function secretAge(daemon: RunningDaemon): Promise<number> {
  const { body } = await daemon.get("/metrics");
  return 1_000 * Number(/^helmwarden_secret_age_seconds\{.*\} (\S+)/m.exec(String(body))?.[1]);
}

test.each(["local", "redis"] as const)(
  "with the queue %s nothing is missed, doubled or called in a burst",
  async (kind) => {
    redis = kind === "redis" ? await startRedis({ dir }) : undefined;
    scenario = await openDaemonScenario(import.meta.dirname, {
      env: {
        NODE_OPTIONS: `--import=${pathToFileURL(join(repository, "test/support/jumpingClock.ts")).href}`,
        CLOCK_OFFSET_FILE: join(dir, "offset"),
        ...(redis === undefined ? {} : { REDIS_URL: redis.url }),
      },
      queue: redis === undefined ? "{ local: {} }" : "{ redis: { url: { fromEnv: REDIS_URL } } }",
      settings: (yaml) => yaml.replace("resync: 10s", "resync: 1h"),
    });
    let token = canary("first");
    await scenario.vault.put("web", { TOKEN: token });
    const web = await scenario.install("web", "checksum", { token });
    const daemon = await scenario.daemon();
    await scenario.recorded([web], "adopted");

    let revision = 1;
    for (const offset of [DAY, -DAY, 0]) {
      setClock(offset);
      await until("it has another time", async () => Math.abs((await secretAge(daemon)) - offset) < DAY / 2);
      token = canary(`at-${revision}`);
      await scenario.vault.put("web", { TOKEN: token });
      revision += 1;
      await until("it is deployed", async () => (await scenario.record("web"))?.revision === revision);
      expect((await daemon.get("/livez")).status).toBe(200);
      expect((await daemon.get("/readyz")).status).toBe(200);
    }
    setClock(-DAY);
    const path = `/api/v1/namespaces/${scenario.namespace}/secrets/web`;
    await scenario.api("PATCH", path, { stringData: { token: canary("patched") } }, "application/merge-patch+json");
    await until("it is put back", async () => (await scenario.secret("web"))["token"] === token);
    const page = await daemon.status();
    expect(page.stores[0]).toMatchObject({ state: "ok" });
    // One path, once a second, and the passes.
    expect(page.stores[0]?.callsPerMinute).toBeLessThan(90);
    expect(daemon.log().filter(({ outcome }) => outcome === "failed" || outcome === "held")).toEqual([]);
    await daemon.stop();
    await expectWhole(scenario, [{ release: web, values: { token }, revision }]);
  },
);
