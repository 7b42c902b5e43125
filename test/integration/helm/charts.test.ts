import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ChartSource } from "../../../src/core/spec.ts";
import { readChartFiles } from "../../../src/helm/chartFiles.ts";
import { createCharts, type PullChart } from "../../../src/helm/charts.ts";
import { helmBinary } from "../../support/binaries.ts";
import { writeChart } from "../../support/helmRun.ts";
import { expectFault } from "../../support/silence.ts";

const { signal } = new AbortController();
const deployed = { name: "parent", version: "1.2.3" };
let dir: string;
let folder: string;
let archive: string;

function helm(...args: string[]): void {
  execFileSync(helmBinary(4), args, { stdio: "pipe", env: { PATH: process.env["PATH"], HOME: dir } });
}

const noPull: PullChart = () => Promise.reject(new Error("nothing is to be pulled"));

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "hw-charts-"));
  folder = writeChart(dir, { ...deployed, values: "a: 1\n", templates: { "x.yaml": "kind: ConfigMap\n" } });
  const sub = writeChart(dir, {
    name: "sub",
    version: "0.1.0",
    values: "{}\n",
    templates: { "pw.yaml": "x: {{ randAlphaNum 8 }}\n" },
  });
  mkdirSync(join(folder, "charts"));
  helm("package", sub, "--destination", join(folder, "charts"));
  helm("package", folder, "--destination", dir);
  archive = join(dir, "parent-1.2.3.tgz");
});

afterAll(() => rmSync(dir, { recursive: true }));

describe("a chart that helm has packaged", () => {
  test("has the files of its folder; subcharts are opened in both", async () => {
    const own = ["Chart.yaml", "templates/x.yaml", "values.yaml"];
    expect(await pathsOf(archive)).toEqual(expect.arrayContaining([...own, "charts/sub/templates/pw.yaml"]));
    expect(await pathsOf(folder)).toEqual(expect.arrayContaining([...own, "charts/sub-0.1.0.tgz/templates/pw.yaml"]));
    const template = (await readChartFiles(archive)).find(({ path }) => path === "templates/x.yaml");
    expect(template?.bytes.toString()).toBe("kind: ConfigMap\n");
  });

  test("tells name, version, a digest of its content, and what its subcharts draw at random", async () => {
    const find = createCharts(join(dir, "cache"), noPull);
    const chart = await find({ kind: "path", path: archive }, deployed, signal);
    expect(chart).toMatchObject({ name: "parent", version: "1.2.3", path: archive, impure: ["random"] });
    expect(chart.digest).toMatch(/^[0-9a-f]{64}$/);
    const copy = join(dir, "copy.tgz");
    cpSync(archive, copy);
    expect((await find({ kind: "path", path: copy }, deployed, signal)).digest).toBe(chart.digest);
  });

  test.each([0, 10, 200])("cut off after %i bytes it is damaged", async (length) => {
    const torn = join(dir, `torn-${length}.tgz`);
    cpSync(archive, torn);
    truncateSync(torn, length);
    await expectFault("ChartUnavailable", () => readChartFiles(torn));
  });
});

describe("a chart in a folder", () => {
  test("is read at every call: an edit gives another digest", async () => {
    const edited = join(dir, "edited");
    cpSync(folder, edited, { recursive: true });
    const find = createCharts(join(dir, "cache"), noPull);
    const before = await find({ kind: "path", path: edited }, deployed, signal);
    writeFileSync(join(edited, "templates/x.yaml"), "kind: Secret\n");
    const after = await find({ kind: "path", path: edited }, deployed, signal);
    expect(after.digest).not.toBe(before.digest);
  });

  test("follows links to files and folders, as helm does, and a loop of links only once", async () => {
    const linked = writeChart(join(dir, "linked"), { ...deployed, values: "{}", templates: { "x.yaml": "kind: A\n" } });
    writeFileSync(join(dir, "shared.yaml"), "{{ now }}\n");
    symlinkSync(join(dir, "shared.yaml"), join(linked, "templates/shared.yaml"));
    mkdirSync(join(linked, "charts"));
    symlinkSync(join(dir, "sub"), join(linked, "charts/sub"));
    const find = createCharts(join(dir, "cache"), noPull);
    const chart = await find({ kind: "path", path: linked }, deployed, signal);
    expect(chart.impure).toEqual(["random", "time"]);
    symlinkSync(linked, join(linked, "charts/itself"));
    symlinkSync(join(dir, "nowhere"), join(linked, "charts/dangling"));
    expect((await find({ kind: "path", path: linked }, deployed, signal)).digest).toBe(chart.digest);
  });

  test.each([
    ["no Chart.yaml", undefined],
    ["no name", "version: 1.0.0\n"],
    ["no YAML", "name: [\n"],
    ["a number for a version", "name: x\nversion: 1.1\n"],
  ])("with %s is refused", async (name, text) => {
    const broken = join(dir, `broken ${name}`);
    mkdirSync(broken);
    if (text !== undefined) writeFileSync(join(broken, "Chart.yaml"), text);
    const find = createCharts(join(dir, "cache"), noPull);
    await expectFault("ChartUnavailable", () => find({ kind: "path", path: broken }, deployed, signal));
  });

  test("that is not there is refused by its path", async () => {
    const fault = await expectFault("ChartUnavailable", () => readChartFiles(join(dir, "nowhere")));
    expect(fault.message).toContain(join(dir, "nowhere"));
  });
});

/** What `helm pull` does: an archive in the folder. */
function pulls(fail: () => boolean = () => false): { pull: PullChart; calls: unknown[][] } {
  const calls: unknown[][] = [];
  return {
    calls,
    async pull(chart, repository, version, target) {
      calls.push([chart, repository, version]);
      if (fail()) throw new Error("pull failed");
      cpSync(archive, join(target, "parent-1.2.3.tgz"));
    },
  };
}

describe("a chart that is pulled", () => {
  const source: ChartSource = { kind: "repository", repository: "https://charts.example.com", name: "parent" };

  test("is pulled once at the deployed version, by many at once and by the next process", async () => {
    const cache = join(dir, "pull-once");
    const first = pulls();
    const find = createCharts(cache, first.pull);
    const found = await Promise.all([1, 2, 3].map(() => find(source, deployed, signal)));
    expect(new Set(found.map(({ digest }) => digest)).size).toBe(1);
    expect(first.calls).toEqual([["parent", "https://charts.example.com", "1.2.3"]]);
    await createCharts(cache, noPull)(source, deployed, signal);
    expect(readdirSync(cache)).toHaveLength(1);
  });

  test("another version, and another place, are pulled by themselves", async () => {
    const { pull, calls } = pulls();
    const find = createCharts(join(dir, "pull-more"), pull);
    await find(source, deployed, signal);
    await find(source, { ...deployed, version: "1.2.4" }, signal);
    await find({ kind: "oci", oci: "oci://registry.example.com/parent" }, deployed, signal);
    expect(calls).toEqual([
      ["parent", "https://charts.example.com", "1.2.3"],
      ["parent", "https://charts.example.com", "1.2.4"],
      ["oci://registry.example.com/parent", undefined, "1.2.3"],
    ]);
  });

  test("a pull that failed leaves nothing and is tried again", async () => {
    const cache = join(dir, "pull-again");
    let broken = true;
    const { pull } = pulls(() => broken);
    const find = createCharts(cache, pull);
    await expect(find(source, deployed, signal)).rejects.toThrow("pull failed");
    expect(readdirSync(cache)).toEqual([]);
    broken = false;
    expect(await find(source, deployed, signal)).toMatchObject(deployed);
  });

  test("an archive in the cache that a power cut has torn is pulled anew", async () => {
    const cache = join(dir, "pull-torn");
    await createCharts(cache, pulls().pull)(source, deployed, signal);
    const [id = ""] = readdirSync(cache);
    truncateSync(join(cache, id, "parent-1.2.3.tgz"));
    const again = pulls();
    const find = createCharts(cache, again.pull);
    await expectFault("ChartUnavailable", () => find(source, deployed, signal));
    expect(await find(source, deployed, signal)).toMatchObject(deployed);
    expect(again.calls).toHaveLength(1);
    await createCharts(cache, noPull)(source, deployed, signal);
  });

  test("a pull that brings nothing is a fault", async () => {
    const find = createCharts(join(dir, "pull-nothing"), () => Promise.resolve());
    await expectFault("ChartUnavailable", () => find(source, deployed, signal));
  });
});

async function pathsOf(chart: string): Promise<string[]> {
  return (await readChartFiles(chart)).map(({ path }) => path);
}
