// Issue 3, "Speed": what a sync costs beside bare helm, how fast the command line is, and what a quiet cluster costs.
import { mkdirSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { inLanes } from "../src/operations/lanes.ts";
import { helmBinary } from "../test/support/binaries.ts";
import { clusterApi } from "../test/support/clusterApi.ts";
import { writeChart } from "../test/support/helmRun.ts";
import { makeNamespace } from "../test/support/namespace.ts";
import { type Figure, inPairs, median, timed, timeFigure, timesFigure } from "./figures.ts";
import { manyReleases } from "./manyReleases.ts";
import { type OpenProgram, openProgram } from "./pass.ts";
import { LANES, releaseSync, type World } from "./world.ts";

const PAIRS = 21;
const ROUNDS = 5;
const BATCH = 20;

/** Nothing of the program is warm yet when the many releases come first. */
export async function* sync(world: World): AsyncGenerator<Figure> {
  const chart = writeBenchChart(world.dir);
  yield* manyReleases(world, chart);
  yield* commandLine(world, chart);
  for (const major of [4, 3] as const) yield* changes(world, chart, major);
}

/** A secret that a pod mounts, so that neither side waits for pods: helm does not, and no restart is needed. */
export function writeBenchChart(dir: string): string {
  const named = "metadata: { name: {{ .Release.Name }} }";
  mkdirSync(join(dir, "charts"), { recursive: true });
  return writeChart(join(dir, "charts"), {
    name: "app",
    version: "1.0.0",
    values: "token: none\nreplicas: 1\nimage: nginx\n",
    templates: {
      "secret.yaml": `apiVersion: v1\nkind: Secret\n${named}\nstringData:\n  token: {{ .Values.token | quote }}\n`,
      "config.yaml": `apiVersion: v1\nkind: ConfigMap\n${named}\ndata:\n  image: {{ .Values.image | quote }}\n`,
      "service.yaml": `apiVersion: v1\nkind: Service\n${named}\nspec:\n  selector: { app: {{ .Release.Name }} }\n  ports: [{ port: 80 }]\n`,
      "app.yaml": [
        `apiVersion: apps/v1\nkind: Deployment\n${named}`,
        "spec:\n  replicas: {{ .Values.replicas }}\n  selector: { matchLabels: { app: {{ .Release.Name }} } }",
        "  template:\n    metadata: { labels: { app: {{ .Release.Name }} } }\n    spec:",
        "      containers:\n        - name: app\n          image: {{ .Values.image }}",
        "          volumeMounts: [{ name: token, mountPath: /token }]",
        "      volumes: [{ name: token, secret: { secretName: {{ .Release.Name }} } }]\n",
      ].join("\n"),
    },
  });
}

export const freshValue = (): string => randomBytes(16).toString("hex");

async function* commandLine(world: World, chart: string): AsyncGenerator<Figure> {
  const { main } = world;
  const helm = helmBinary(4);
  const program = (...args: string[]): Promise<number> => timed(() => world.run(process.execPath, [main, ...args]));
  const helps: number[] = [];
  for (let round = 0; round <= PAIRS; round += 1) helps.push(await program("--help"));
  yield timeFigure("helmwarden --help", median(helps.slice(1)), 150);

  const { name: namespace } = await makeNamespace(world.kubeconfig, "bench");
  const value = freshValue();
  await world.putSecret("cli", { TOKEN: value });
  await world.run(helm, ["install", "cli", chart, "-n", namespace, "-f", "-"], JSON.stringify({ token: value }));
  const config = world.writeConfig("cli", [releaseSync("cli", namespace, chart, "cli")]);
  await program("sync", "-c", config);
  const { ours, theirs } = await inPairs(
    PAIRS,
    () => program("plan", "-c", config),
    () => timed(() => world.run(helm, ["get", "values", "cli", "-n", namespace, "-o", "json"])),
  );
  const beside = ` (\`helm get values\` takes ${theirs.toFixed(0)} ms)`;
  yield timeFigure("helmwarden plan of one release in sync", ours, 1.5 * theirs + 300, beside);
}

/** One release, then twenty, each changed by us and by bare helm in turn. */
async function* changes(world: World, chart: string, major: 3 | 4): AsyncGenerator<Figure> {
  const bench = await prepareChanges(world, chart, major);
  const tell = (what: string): string => `${what}, helm ${major}`;
  const preflight = await inPairs(
    PAIRS,
    () => bench.ours(1, "no X-ray"),
    () => bench.bare(1),
  );
  yield timesFigure(tell("a sync of one value, with the preflight"), preflight, 2.2);
  const cached = await inPairs(
    PAIRS,
    () => bench.ours(1, "X-ray"),
    () => bench.bare(1),
  );
  yield timesFigure(tell("a sync of one value, X-ray in the cache"), cached, 1.25);
  const twenty = await inPairs(
    ROUNDS,
    () => bench.ours(BATCH, "no X-ray"),
    () => bench.bare(BATCH),
  );
  yield timesFigure(tell(`${BATCH} releases ${LANES} at a time, with the preflight`), twenty, 2.2);
  const twentyCached = await inPairs(
    ROUNDS,
    () => bench.ours(BATCH, "X-ray"),
    () => bench.bare(BATCH),
  );
  yield timesFigure(tell(`${BATCH} releases ${LANES} at a time, X-ray in the cache`), twentyCached, 1.25);
  await bench.close();
}

interface Changes {
  /** Milliseconds for a pass that changes so many releases. */
  ours(count: 1 | typeof BATCH, xray: "X-ray" | "no X-ray"): Promise<number>;
  /** The same for `helm upgrade --reuse-values -f -`, up to four at a time. */
  bare(count: 1 | typeof BATCH): Promise<number>;
  close(): Promise<void>;
}

async function prepareChanges(world: World, chart: string, major: 3 | 4): Promise<Changes> {
  const helm = helmBinary(major);
  const api = clusterApi(world.kubeconfig);
  const namespaces = {
    ours: await makeNamespace(world.kubeconfig, "ours"),
    bare: await makeNamespace(world.kubeconfig, "bare"),
  };
  const names = Array.from({ length: BATCH }, (_, index) => `app-${index}`);
  const path = (name: string): string => `helm${major}/${name}`;
  const change = (changed: readonly string[]): Promise<void[]> => {
    return Promise.all(changed.map((name) => world.putSecret(path(name), { TOKEN: freshValue() })));
  };
  const programs = new Map<number, OpenProgram>();
  for (const { name: namespace } of Object.values(namespaces)) {
    await fourAtATime(names, (name) =>
      world.run(helm, ["install", name, chart, "-n", namespace, "--set", "token=first"]),
    );
  }
  for (const count of [1, BATCH]) {
    const documents = names.slice(0, count).map((name) => releaseSync(name, namespaces.ours.name, chart, path(name)));
    const config = world.writeConfig(`helm${major}-${count}`, documents);
    programs.set(count, await openProgram(world, config, helm));
  }
  return {
    async ours(count, xray) {
      const changed = names.slice(0, count);
      await change(changed);
      if (xray === "no X-ray") {
        const statuses = `/api/v1/namespaces/${namespaces.ours.name}/configmaps`;
        for (const name of changed) await api("DELETE", `${statuses}/helmwarden-release-${name}`);
      }
      return await timed(() => programs.get(count)!.pass("changed"));
    },
    bare: (count) =>
      timed(() =>
        fourAtATime(names.slice(0, count), (name) => {
          const args = ["upgrade", name, chart, "-n", namespaces.bare.name, "--reuse-values", "-f", "-"];
          return world.run(helm, args, JSON.stringify({ token: freshValue() }));
        }),
      ),
    async close() {
      for (const program of programs.values()) await program.close();
      for (const namespace of Object.values(namespaces)) await namespace.remove();
    },
  };
}

function fourAtATime(names: readonly string[], work: (name: string) => Promise<unknown>): Promise<void> {
  return inLanes(names, LANES, async (name) => void (await work(name)));
}
