// 1,000 releases that are in sync: what a pass over them costs, and what the usual way would.
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { helmBinary } from "../test/support/binaries.ts";
import { inLanes } from "../src/operations/lanes.ts";
import { type Figure, median, timed } from "./figures.ts";
import { openProgram } from "./pass.ts";
import { type Api, openApi, type Placed, writeReleases } from "./records.ts";
import { releaseSync, type World } from "./world.ts";

const RELEASES = 1_000;
const NAMESPACES = 50;
/** As long as Helm lets a history become by default. */
const REVISIONS = 10;
const TEAMS = 50;
const SAMPLE = 50;
const VALUE = "a-value-of-24-characters";

export async function* manyReleases(world: World, chart: string): AsyncGenerator<Figure> {
  const api = openApi(world.kubeconfig);
  const names = Array.from({ length: RELEASES }, (_, index) => `app-${index}`);
  const releases = names.map((name, index) => ({ name, namespace: `many-${index % NAMESPACES}` }));
  await inLanes(names, 8, async (name) => await world.putSecret(`many/${name}`, { TOKEN: VALUE }));
  await writeReleases(world, api, chart, releases, { revisions: REVISIONS, token: VALUE });

  const what = `a pass over ${RELEASES} releases in sync`;
  const { first, unmoved } = await passTwice(world, api, chart, releases, TEAMS);
  yield { ...first, name: `${what}, the first time`, goal: "at most 3 s, no helm process", met: first.met(3) };
  yield {
    ...unmoved,
    name: `${what}, when nothing moved`,
    goal: "at most 0.3 s, no helm process",
    met: unmoved.met(0.3),
  };
  const own = await passTwice(world, api, chart, releases, RELEASES);
  yield { ...own.unmoved, name: `${what}, when nothing moved, each with a Vault path of its own`, met: true };

  const times: number[] = [];
  for (const { name, namespace } of releases.slice(0, SAMPLE)) {
    times.push(await timed(() => world.run(helmBinary(4), ["get", "values", name, "-n", namespace, "-o", "json"])));
  }
  const scaled = `${((median(times) * RELEASES) / 1000).toFixed(0)} s of wall clock`;
  yield { name: `\`helm get values\` for ${RELEASES} releases, scaled from ${SAMPLE}`, value: scaled, met: true };
  await api.close();
}

interface Pass {
  readonly value: string;
  readonly met: (mostSeconds: number) => boolean;
}

/** The CPU time of two passes of one process; the releases read from so many Vault paths. */
async function passTwice(
  world: World,
  api: Api,
  chart: string,
  releases: readonly Placed[],
  paths: number,
): Promise<{ first: Pass; unmoved: Pass }> {
  const documents = releases.map(({ name, namespace }, index) =>
    releaseSync(name, namespace, chart, `many/app-${index % paths}`),
  );
  const config = world.writeConfig("many", documents);
  // Puts them on record, in a process of its own: ours stays cold.
  await world.run(process.execPath, [world.main, "sync", "-c", config]);
  const helm = countingHelm(world.dir);
  const program = await openProgram(world, config, helm.path);
  const pass = async (): Promise<Pass> => {
    const before = await listsOf(api);
    const start = process.cpuUsage();
    const wall = await timed(() => program.pass("inSync"));
    const { user, system } = process.cpuUsage(start);
    const lists = (await listsOf(api)) - before;
    const seconds = (user + system) / 1e6;
    const rest = `${(wall / 1000).toFixed(2)} s of wall clock, ${lists} list pages, ${helm.runs()} helm processes`;
    return {
      value: `${seconds.toFixed(2)} s of CPU (${rest})`,
      met: (most) => seconds <= most && helm.runs() === 0,
    };
  };
  const passes = { first: await pass(), unmoved: await pass() };
  await program.close();
  return passes;
}

/** helm, with a line in a file for each time that it is started. */
function countingHelm(dir: string): { path: string; runs: () => number } {
  const [path, count] = [join(dir, "counting-helm"), join(dir, "helm-runs")];
  writeFileSync(path, `#!/bin/sh\necho run >> ${count}\nexec ${helmBinary(4)} "$@"\n`);
  chmodSync(path, 0o755);
  return { path, runs: () => (existsSync(count) ? readFileSync(count, "utf8").trim().split("\n").length : 0) };
}

/** How many lists of Secrets and ConfigMaps the API server has answered: a page is one. */
async function listsOf(api: Api): Promise<number> {
  const lines = (await api.get("/metrics")).split("\n");
  const counted = lines.filter(
    (line) =>
      line.startsWith("apiserver_request_total{") &&
      /verb="LIST"/.test(line) &&
      /resource="(secrets|configmaps)"/.test(line),
  );
  return counted.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}
