// `npm run bench -- NAME`: runs one benchmark, prints its figures, keeps them in RESULTS.md; exit code 1 where a goal is missed.
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, getPriority, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { repository } from "../scripts/artifacts.mjs";
import { daemon } from "./daemon.ts";
import { type Figure, formatFigure } from "./figures.ts";
import { migrate } from "./migrate.ts";
import { rotation } from "./rotation.ts";
import { sync } from "./sync.ts";
import { startWorld, type World } from "./world.ts";

const benchmarks: Readonly<Record<string, (world: World) => AsyncIterable<Figure>>> = {
  sync,
  daemon,
  migrate,
  rotation,
};

const [name = "", size = ""] = process.argv.slice(2);
/** Shows that it runs; its figures mean nothing and are not kept. */
const isSmall = size === "small";
const benchmark = Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined;
if (benchmark === undefined) {
  process.stderr.write(`usage: npm run bench -- ${Object.keys(benchmarks).join("|")}\n`);
  process.exit(64);
}
const abort = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => abort.abort());

const figures: Figure[] = [];
/** Of others: our own comes on top of it. */
const load = loadavg()[0]!.toFixed(1);
const world = await startWorld(abort.signal, isSmall);
try {
  for await (const figure of benchmark(world)) {
    figures.push(figure);
    process.stdout.write(`${formatFigure(figure)}\n`);
  }
  if (!isSmall) keepResults(name, figures);
} catch (error) {
  if (!abort.signal.aborted) throw error;
  process.stderr.write("interrupted\n");
} finally {
  await world.stop();
}
process.exitCode = abort.signal.aborted ? 130 : figures.every(({ met }) => met) ? 0 : 1;

/** Replaces this benchmark's section; the others stay. */
function keepResults(section: string, found: readonly Figure[]): void {
  const file = join(repository, "bench", "RESULTS.md");
  const [head = "", ...sections] = readFileSync(file, "utf8").split(/^(?=## )/m);
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "CPU"}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  const date = new Date().toISOString().slice(0, 16).replace("T", " ");
  const rows = found.map((one) => `| ${one.name} | ${one.value} | ${one.goal ?? "—"} | ${one.met ? "" : "missed"} |`);
  const table = ["| figure | value | goal | |", "| --- | --- | --- | --- |", ...rows].join("\n");
  const facts = `${date} UTC, ${machine}, Node ${process.versions.node}, load ${load} at the start, nice ${getPriority()}.`;
  const others = sections.filter((one) => !one.startsWith(`## ${section}\n`)).map((one) => one.trim());
  const all = [head.trim(), ...others, `## ${section}\n\n${facts}\n\n${table}`];
  writeFileSync(file, `${all.join("\n\n")}\n`);
}
