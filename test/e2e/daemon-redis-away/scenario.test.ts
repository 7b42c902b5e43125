import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { type DaemonScenario, expectWhole, openDaemonScenario, until } from "../../support/daemon.ts";
import { formIn } from "../../support/leaks.ts";
import { type RedisServer, startRedis } from "../../support/redisServer.ts";

let scenario: DaemonScenario;
let redis: RedisServer;
let dir: string;
afterEach(async () => {
  await redis.stop("SIGKILL");
  rmSync(dir, { recursive: true });
  await scenario.close();
});

test("Redis stopped, flushed or full: the daemon goes on reading, and is whole by itself when it is back", async () => {
  dir = mkdtempSync(join(tmpdir(), "helmwarden-redis-"));
  redis = await startRedis({ dir });
  scenario = await openDaemonScenario(import.meta.dirname, {
    queue: "{ redis: { url: { fromEnv: REDIS_URL } } }",
    env: { REDIS_URL: redis.url },
  });
  const old = canary("old");
  await scenario.vault.put("web", { TOKEN: old });
  const web = await scenario.install("web", "checksum", { token: old });
  const daemon = await scenario.daemon();
  await scenario.recorded([web], "adopted");
  const said = (msg: string): number => daemon.log().filter((line) => line.msg.startsWith(msg)).length;
  const deployed = (revision: number): Promise<void> =>
    until("it is deployed", async () => (await scenario.record("web"))?.revision === revision);

  await redis.stop("SIGKILL");
  await scenario.vault.put("web", { TOKEN: canary("stopped") });
  await until("the change was seen", async () => said("the queue takes no work") === 1);
  expect((await daemon.get("/readyz")).status).toBe(200);
  await redis.start();
  await deployed(2);
  expect([said("the queue takes no work"), said("the queue takes work again")]).toEqual([1, 1]);

  await redis.flush();
  await scenario.vault.put("web", { TOKEN: canary("flushed") });
  await deployed(3);

  await redis.fill();
  const last = canary("full");
  await scenario.vault.put("web", { TOKEN: last });
  await until("the change was seen", async () => said("the queue takes no work") === 2);
  await redis.makeRoom();
  await deployed(4);
  await daemon.stop();
  await expectWhole(scenario, [{ release: web, values: { token: last }, revision: 4 }]);
  expect(formIn(await redis.dump())).toBeUndefined();
});
