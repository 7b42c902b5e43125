// Two daemons share one Redis and fifty releases; one of them is killed in the middle of a change of all.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { inLanes } from "../../../src/operations/lanes.ts";
import { canary } from "../../support/canary.ts";
import { type DaemonScenario, expectWhole, heldLeases, openDaemonScenario, until } from "../../support/daemon.ts";
import { formIn } from "../../support/leaks.ts";
import { findLeftovers } from "../../support/leftovers.ts";
import { type RedisServer, startRedis } from "../../support/redisServer.ts";
import type { Release } from "../../support/release.ts";

const PATHS = ["p0", "p1", "p2", "p3"];

let scenario: DaemonScenario;
let dir: string;
let redis: RedisServer;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "helmwarden-redis-"));
  redis = await startRedis({ dir });
});
afterEach(async () => {
  await redis.stop("SIGKILL");
  rmSync(dir, { recursive: true });
  await scenario.close();
});

const document = (name: string, path: string): string => `---
apiVersion: helmwarden.dev/v1alpha1
kind: ReleaseSync
metadata: { name: ${name}, namespace: __NAMESPACE__ }
spec:
  chart: { path: __CHARTS__/checksum }
  values:
    - path: token
      from: { store: vault, path: __NAMESPACE__/${path}, key: TOKEN }
`;

async function begin(count: number, settings: (yaml: string) => string, concurrency = 2): Promise<readonly Release[]> {
  const queue = `{ redis: { url: { fromEnv: REDIS_URL }, concurrency: ${concurrency} } }`;
  scenario = await openDaemonScenario(import.meta.dirname, { queue, settings, env: { REDIS_URL: redis.url } });
  const names = Array.from({ length: count }, (_, index) => `r${index}`);
  scenario.configure(names.map((name, index) => document(name, PATHS[index % PATHS.length]!)).join(""));
  const releases: Release[] = [];
  const old = canary("old");
  await inLanes(names, 4, async (name) => void releases.push(await scenario.install(name, "checksum", { token: old })));
  for (const path of PATHS) await scenario.vault.put(path, { TOKEN: old });
  return releases;
}

test("each change makes one revision, also of the releases that the killed one had in hand", async () => {
  const releases = await begin(50, (yaml) =>
    yaml.replace("  resync: 10s", "  resync: 10s\n  rollout: { maxUnavailable: 100% }"),
  );
  const [first, second] = await Promise.all([scenario.daemon({ audit: "1" }), scenario.daemon({ audit: "2" })]);
  await scenario.recorded(releases, "adopted");
  const wanted = canary("wanted");
  for (const path of PATHS) await scenario.vault.put(path, { TOKEN: wanted });
  await second.helm("--hide-notes");
  second.child.kill("SIGKILL");
  await second.end;
  await until(
    "all are changed",
    async () => {
      const records = await Promise.all(releases.map(({ name }) => scenario.record(name)));
      return records.every((one) => one?.revision === 2 && one.phase === "settled" && one.noted === undefined);
    },
    240_000,
  );
  await first.stop();
  await until("no lease is held, nor any helm left", async () => {
    return (await heldLeases(scenario)).length + findLeftovers(scenario.dir).length === 0;
  });
  await expectWhole(
    scenario,
    releases.map((release) => ({ release, values: { token: wanted }, revision: 2 })),
  );
  expect(formIn(await redis.dump())).toBeUndefined();
}, 480_000);

test("what one daemon has read is what the other writes, however long ago that one read itself", async () => {
  const releases = await begin(8, (yaml) =>
    yaml.replace("refreshInterval: 1s", "refreshInterval: 1h").replace("10s", "1h"),
  );
  const [first, second] = await Promise.all([scenario.daemon({ audit: "1" }), scenario.daemon({ audit: "2" })]);
  await scenario.recorded(releases, "adopted");
  let wanted = "";
  for (const revision of [2, 3]) {
    wanted = canary("wanted");
    for (const path of PATHS) await scenario.vault.put(path, { TOKEN: wanted });
    expect(await first.hook("vault")).toMatchObject({ status: 202 });
    await until("all are changed", async () => {
      const records = await Promise.all(releases.map(({ name }) => scenario.record(name)));
      return records.every((one) => one?.revision === revision && one.phase === "settled");
    });
  }
  await Promise.all([first.stop(), second.stop()]);
  await expectWhole(
    scenario,
    releases.map((release) => ({ release, values: { token: wanted }, revision: 3 })),
  );
});

/** The next resync is far away, so that only the look for lost work can find it. */
const withoutResync = (yaml: string): string =>
  yaml.replace("  resync: 10s", "  resync: 1h\n  rollout: { canary: 0, maxUnavailable: 100% }");

test("Redis is flushed while jobs wait in it: what was lost is found again within an interval, and done once", async () => {
  const releases = await begin(6, withoutResync, 1);
  const daemon = await scenario.daemon();
  await scenario.recorded(releases, "adopted");
  const wanted = canary("wanted");
  for (const path of PATHS) await scenario.vault.put(path, { TOKEN: wanted });
  await daemon.helm("--hide-notes");
  const waiting = (): Promise<number> => redis.with((client) => client.zcard("helmwarden:due"));
  await until("jobs wait", async () => (await waiting()) > 2);
  await redis.flush();
  await scenario.recorded(releases, "changed");
  await daemon.stop();
  const said = daemon.log().filter(({ msg }) => msg.startsWith("The queue's Redis has lost"));
  expect(said).toHaveLength(1);
  await expectWhole(
    scenario,
    releases.map((release) => ({ release, values: { token: wanted }, revision: 2 })),
  );
}, 300_000);
