// Issue 4, "Figures": what an idle daemon costs, and how long a change takes beside bare helm.
import { inLanes } from "../src/operations/lanes.ts";
import { helmBinary } from "../test/support/binaries.ts";
import { makeNamespace } from "../test/support/namespace.ts";
import { startRedis } from "../test/support/redisServer.ts";
import { type Figure, median, timed } from "./figures.ts";
import { idleDaemon } from "./idleDaemon.ts";
import { type Api, openApi } from "./records.ts";
import { daemonSettings, type RunningDaemon, startDaemon, until } from "./runningDaemon.ts";
import { freshValue, writeBenchChart } from "./sync.ts";
import { LANES, releaseSync, type World } from "./world.ts";

export async function* daemon(world: World): AsyncGenerator<Figure> {
  const chart = writeBenchChart(world.dir);
  yield* idleDaemon(world, chart);
  yield* pushes(world, chart);
  yield* onePath(world, chart);
}

/** By which two medians of the same thing may differ. */
const NOISE = 0.05;

type Xray = "X-ray in the cache" | "with the preflight";

/** From the hook's call to `deployed`, over a bare upgrade. */
async function* pushes(world: World, chart: string): AsyncGenerator<Figure> {
  const field = await openField(world, chart, "push", 1);
  const running = await field.daemons(daemonSettings("1h"), 1);
  for (const [xray, most] of [
    ["X-ray in the cache", 1.5],
    ["with the preflight", 2.3],
  ] as const) {
    const { ours, theirs } = await field.alternate(world.isSmall ? 2 : 40, running, xray);
    yield ratio(`webhook to deployed, ${xray}`, ours, theirs, most);
  }
  await field.close(running);
}

/** A path that many releases read. */
async function* onePath(world: World, chart: string): AsyncGenerator<Figure> {
  const count = world.isSmall ? 6 : 100;
  const rounds = world.isSmall ? 1 : 3;
  const field = await openField(world, chart, "many", count);
  const local = await field.daemons(daemonSettings("1h"), 1);
  for (const [xray, most] of [
    ["X-ray in the cache", 1.4],
    ["with the preflight", 2.3],
  ] as const) {
    const { ours, theirs } = await field.alternate(rounds, local, xray);
    yield ratio(`${count} releases on one path, ${LANES} at a time, ${xray}`, ours, theirs, most);
  }
  await stopAll(local);

  const redis = await startRedis({ dir: `${world.dir}/redis` });
  const queue = { redis: { url: { fromEnv: "REDIS_URL" }, concurrency: LANES } };
  const times: number[][] = [];
  for (const processes of [1, 2]) {
    const workers = await field.daemons(daemonSettings("1h", { queue }), processes, { REDIS_URL: redis.url });
    const seen: number[] = [];
    for (let round = 0; round <= rounds; round += 1) seen.push(await field.ours(workers, "X-ray in the cache"));
    times.push(seen.slice(1));
    await stopAll(workers);
  }
  yield {
    ...ratio("the same with 2 workers on Redis, over 1", times[1]!, times[0]!, 1 + NOISE),
    goal: `no slower: at most 1 times, and ${NOISE * 100} % for noise`,
  };
  await redis.stop("SIGKILL");
  await field.close([]);
}

function ratio(name: string, ours: readonly number[], theirs: readonly number[], most: number): Figure {
  const times = median(ours) / median(theirs);
  const p99 = [...ours].sort((a, b) => a - b)[Math.ceil(ours.length * 0.99) - 1]!;
  const value = `${times.toFixed(2)} times (${median(ours).toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, against ${median(theirs).toFixed(0)} ms)`;
  return { name, value, goal: `at most ${most} times`, met: times <= most };
}

interface Field {
  /** Daemons over these releases, settled. */
  daemons(
    settings: ReturnType<typeof daemonSettings>,
    processes: number,
    environment?: Readonly<Record<string, string>>,
  ): Promise<readonly RunningDaemon[]>;
  /** Milliseconds from the push of one change to all releases deployed. */
  ours(daemons: readonly RunningDaemon[], xray: Xray): Promise<number>;
  /** Ours and as many bare upgrades in turn; the first round is not counted. */
  alternate(
    rounds: number,
    daemons: readonly RunningDaemon[],
    xray: Xray,
  ): Promise<{ ours: number[]; theirs: number[] }>;
  close(daemons: readonly RunningDaemon[]): Promise<void>;
}

/** So many releases that read one path, and as many of the same that helm changes by itself. */
async function openField(world: World, chart: string, path: string, count: number): Promise<Field> {
  const api = openApi(world.kubeconfig);
  const helm = helmBinary(4);
  const namespaces = {
    ours: await makeNamespace(world.kubeconfig, "ours"),
    bare: await makeNamespace(world.kubeconfig, "bare"),
  };
  const names = Array.from({ length: count }, (_, index) => `app-${index}`);
  const first = freshValue();
  await world.putSecret(path, { TOKEN: first });
  for (const { name } of Object.values(namespaces)) {
    await inLanes(names, LANES, async (release) => {
      const args = ["install", release, chart, "-n", name, "-f", "-"];
      await world.run(helm, args, JSON.stringify({ token: first }));
    });
  }
  let revision = 1;
  const isDeployed = async (): Promise<boolean> => {
    const selector = encodeURIComponent(`owner=helm,status=deployed,version=${revision}`);
    const found = await api.get(
      `/api/v1/namespaces/${namespaces.ours.name}/secrets?labelSelector=${selector}&limit=${count}`,
    );
    return (JSON.parse(found) as { items: unknown[] }).items.length === count;
  };
  const bare = (): Promise<number> =>
    timed(() =>
      inLanes(names, LANES, async (release) => {
        const args = ["upgrade", release, chart, "-n", namespaces.bare.name, "--reuse-values", "-f", "-"];
        await world.run(helm, args, JSON.stringify({ token: freshValue() }));
      }),
    );
  const ours: Field["ours"] = async (daemons, xray) => {
    await until("nothing runs", async () => await areIdle(daemons), world.signal);
    if (xray === "with the preflight") await forgetXrays(api, namespaces.ours.name, names);
    await world.putSecret(path, { TOKEN: freshValue() });
    revision += 1;
    return await timed(async () => {
      await daemons[0]!.push(path);
      await until("all are deployed", isDeployed, world.signal, count === 1 ? 10 : 50);
    });
  };
  return {
    async daemons(settings, processes, environment) {
      const documents = names.map((name) => releaseSync(name, namespaces.ours.name, chart, path));
      const started: RunningDaemon[] = [];
      for (let index = 0; index < processes; index += 1) {
        const config = world.writeConfig(`${path}-${processes}-${index}`, documents, settings);
        started.push(await startDaemon(world, config, environment));
      }
      await until("all is on record", async () => await areIdle(started), world.signal);
      return started;
    },
    ours,
    async alternate(rounds, daemons, xray) {
      const times = { ours: [] as number[], theirs: [] as number[] };
      for (let round = 0; round <= rounds; round += 1) {
        const pair = { ours: await ours(daemons, xray), theirs: await bare() };
        if (round === 0) continue;
        times.ours.push(pair.ours);
        times.theirs.push(pair.theirs);
      }
      return times;
    },
    async close(daemons) {
      await stopAll(daemons);
      await api.close();
      for (const namespace of Object.values(namespaces)) await namespace.remove();
    },
  };
}

async function areIdle(daemons: readonly RunningDaemon[]): Promise<boolean> {
  const pages = await Promise.all(daemons.map((one) => one.status()));
  return pages.every(({ subjects, queue }) => {
    const busy = subjects.some(({ outcome }) => outcome === "waiting" || outcome === "held");
    return !busy && queue.waiting + queue.delayed + queue.running === 0;
  });
}

async function stopAll(daemons: readonly RunningDaemon[]): Promise<void> {
  await Promise.all(daemons.map((one) => one.stop()));
}

/** They are kept in the status objects. */
async function forgetXrays(api: Api, namespace: string, names: readonly string[]): Promise<void> {
  await inLanes(names, LANES, (name) =>
    api.remove(`/api/v1/namespaces/${namespace}/configmaps/helmwarden-release-${name}`),
  );
}
