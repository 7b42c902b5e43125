// 1,000 releases that are in sync: what a pass over them costs, and what the usual way would.
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { Agent, request } from "undici";
import { helmBinary } from "../test/support/binaries.ts";
import { readAccess } from "../test/support/clusterApi.ts";
import { inLanes } from "../src/operations/lanes.ts";
import { type Figure, median, timed } from "./figures.ts";
import { openProgram } from "./pass.ts";
import { releaseSync, type World } from "./world.ts";

const RELEASES = 1_000;
const NAMESPACES = 50;
/** As long as Helm lets a history become by default. */
const REVISIONS = 10;
const TEAMS = 50;
const SAMPLE = 50;
const VALUE = "a-value-of-24-characters";

interface Placed {
  readonly name: string;
  readonly namespace: string;
}

export async function* manyReleases(world: World, chart: string): AsyncGenerator<Figure> {
  const api = openApi(world.kubeconfig);
  const names = Array.from({ length: RELEASES }, (_, index) => `app-${index}`);
  const releases = names.map((name, index) => ({ name, namespace: `many-${index % NAMESPACES}` }));
  await inLanes(names, 8, async (name) => await world.putSecret(`many/${name}`, { TOKEN: VALUE }));
  await writeReleases(world, api, chart, releases);

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

interface Api {
  get(path: string): Promise<string>;
  post(path: string, body: object): Promise<void>;
  close(): Promise<void>;
}

/** The API over kept connections, as thousands of objects are written. */
function openApi(kubeconfig: string): Api {
  const { server, ...tls } = readAccess(kubeconfig);
  const dispatcher = new Agent({ connect: tls, connections: 8 });
  const call = async (method: "GET" | "POST", path: string, body: string | null): Promise<string> => {
    const headers = { "content-type": "application/json" };
    const answer = await request(`${server}${path}`, { method, body, headers, dispatcher });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`);
    return text;
  };
  return {
    get: (path) => call("GET", path, null),
    post: async (path, body) => void (await call("POST", path, JSON.stringify(body))),
    close: () => dispatcher.close(),
  };
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

interface Stored {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly type: string;
  readonly data: { readonly release: string };
}

/** Installs one release and writes the records of the others from it, as installing each would take an hour. */
async function writeReleases(world: World, api: Api, chart: string, releases: readonly Placed[]): Promise<void> {
  for (const namespace of new Set(releases.map((one) => one.namespace))) {
    await api.post("/api/v1/namespaces", { metadata: { name: namespace } });
  }
  const model = { name: "model-of-all", namespace: "many-0" };
  const values = JSON.stringify({ token: VALUE });
  await world.run(helmBinary(4), ["install", model.name, chart, "-n", model.namespace, "-f", "-"], values);
  const path = `/api/v1/namespaces/${model.namespace}/secrets/sh.helm.release.v1.${model.name}.v1`;
  const stored = JSON.parse(await api.get(path)) as Stored;
  const packed = Buffer.from(Buffer.from(stored.data.release, "base64").toString("latin1"), "base64");
  const text = gunzipSync(packed).toString("utf8");
  const records = releases.flatMap((release) =>
    Array.from({ length: REVISIONS }, (_, index) => ({ ...release, revision: index + 1 })),
  );
  await inLanes(records, 16, async ({ name, namespace, revision }) => {
    const status = revision === REVISIONS ? "deployed" : "superseded";
    const release = JSON.parse(text.replaceAll(model.name, name)) as { info: { status: string } };
    Object.assign(release, { namespace, version: revision, info: { ...release.info, status } });
    const payload = gzipSync(JSON.stringify(release)).toString("base64");
    const labels = { ...stored.metadata.labels, name, status, version: String(revision) };
    await api.post(`/api/v1/namespaces/${namespace}/secrets`, {
      metadata: { name: `sh.helm.release.v1.${name}.v${revision}`, labels },
      type: stored.type,
      data: { release: Buffer.from(payload).toString("base64") },
    });
  });
}
