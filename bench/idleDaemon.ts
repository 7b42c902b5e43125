// A daemon with nothing to do: what it uses, and how that grows with the releases that it keeps.
import { type Figure, worstGrowth } from "./figures.ts";
import { type Api, openApi, type Placed, writeReleases } from "./records.ts";
import { daemonSettings, type RunningDaemon, startDaemon, until } from "./runningDaemon.ts";
import { releaseSync, type World } from "./world.ts";

const PATHS = 20;
const NAMESPACES = 20;
/** The one in the middle has goals. */
const SIZES = [100, 1_000, 5_000] as const;
const SMALL = [10, 20, 40] as const;
const VALUE = "a-value-of-24-characters";

/** What a minute's measurement can tell from nothing: 0.03 s of CPU, and a MiB. */
const LEAST = { core: 0.0005, memory: 1 };

interface Idle {
  readonly releases: number;
  /** Share of one core. */
  readonly core: number;
  readonly memory: number;
  readonly api: number;
  readonly store: number;
}

export async function* idleDaemon(world: World, chart: string): AsyncGenerator<Figure> {
  const api = openApi(world.kubeconfig);
  for (let path = 0; path < PATHS; path += 1) await world.putSecret(`idle/${path}`, { TOKEN: VALUE });
  const seen: Idle[] = [];
  const releases: Placed[] = [];
  for (const size of world.isSmall ? SMALL : SIZES) {
    const more = Array.from({ length: size - releases.length }, (_, index) => ({
      name: `app-${releases.length + index}`,
      namespace: `idle-${size}-${index % NAMESPACES}`,
    }));
    await writeReleases(world, api, chart, more, { revisions: 2, token: VALUE });
    releases.push(...more);
    const idle = await measure(world, api, chart, releases);
    seen.push(idle);
    yield figureOf(idle, seen.length === 2);
  }
  yield growth(seen);
  await api.close();
}

function figureOf({ releases, core, memory, api, store }: Idle, hasGoal: boolean): Figure {
  const value = `${(core * 100).toFixed(1)} % of a core, ${memory.toFixed(0)} MiB, ${api.toFixed(0)} API calls and ${store.toFixed(0)} store calls a minute`;
  const name = `an idle daemon, ${releases} releases on ${PATHS} paths read every 10 s`;
  if (!hasGoal) return { name, value, met: true };
  return { name, value, goal: "less than 3 % and 250 MiB", met: core < 0.03 && memory < 250 };
}

/** Linear or better: neither grows by a larger factor than the number of releases does. */
function growth(seen: readonly Idle[]): Figure {
  const [core, memory] = (["core", "memory"] as const).map((of) =>
    worstGrowth(
      seen.map((one) => ({ size: one.releases, cost: one[of] })),
      LEAST[of],
    ),
  ) as [number, number];
  return {
    name: `growth over ${seen.map(({ releases }) => releases).join(", ")} releases, over theirs`,
    value: `CPU ${core.toFixed(2)} times, memory ${memory.toFixed(2)} times`,
    goal: "at most 1: linear",
    met: core <= 1 && memory <= 1,
  };
}

async function measure(world: World, api: Api, chart: string, releases: readonly Placed[]): Promise<Idle> {
  const documents = releases.map(({ name, namespace }, index) =>
    releaseSync(name, namespace, chart, `idle/${index % PATHS}`),
  );
  const config = world.writeConfig(`idle-${releases.length}`, documents, daemonSettings("10s"));
  const daemon = await startDaemon(world, config);
  await until("all is on record", async () => await isQuiet(daemon), world.signal, 1_000);
  await daemon.stop();
  const seconds = world.isSmall ? 5 : 60;
  const others = await perMinute(api, seconds / 3);
  // A daemon of its own that finds everything in order, as after a restart.
  const quiet = await startDaemon(world, config);
  await until("all is compared", async () => await isQuiet(quiet), world.signal, 1_000);
  const [cpu, calls] = [quiet.cpu(), await callsOf(api)];
  let memory = 0;
  for (let second = 0; second < seconds; second += 1) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    memory = Math.max(memory, quiet.memory());
  }
  const idle = {
    releases: releases.length,
    core: (quiet.cpu() - cpu) / seconds,
    memory,
    api: Math.max(0, (((await callsOf(api)) - calls) * 60) / seconds - others),
    store: (await quiet.status()).stores[0]?.callsPerMinute ?? 0,
  };
  await quiet.stop();
  return idle;
}

async function isQuiet(daemon: RunningDaemon): Promise<boolean> {
  const { subjects, queue } = await daemon.status();
  const busy = subjects.some(({ outcome }) => outcome === "waiting" || outcome === "held");
  return !busy && queue.waiting + queue.running === 0;
}

/** Calls a minute by the cluster's own controllers, while no daemon runs. */
async function perMinute(api: Api, seconds: number): Promise<number> {
  const calls = await callsOf(api);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  return (((await callsOf(api)) - calls) * 60) / seconds;
}

const OURS = /resource="(secrets|configmaps|leases|deployments|statefulsets|daemonsets|pods|events)"/;

/** Of the kinds that we ask for; some of them are the cluster's own controllers'. */
async function callsOf(api: Api): Promise<number> {
  const lines = (await api.get("/metrics")).split("\n");
  const counted = lines.filter((line) => line.startsWith("apiserver_request_total{") && OURS.test(line));
  return counted.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}
