import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import type { ChartIdentity } from "../core/release.ts";
import type { ChartSource } from "../core/spec.ts";
import { HelmwardenError } from "../errors.ts";
import type { LocalChart } from "../ports.ts";
import { type ChartFile, digestOfFiles, readChartFiles } from "./chartFiles.ts";
import { impureUses } from "./purity.ts";

/** Pulls `chart` at exactly `version` into `folder`; see pullArguments. */
export type PullChart = (
  chart: string,
  repository: string | undefined,
  version: string,
  folder: string,
  signal: AbortSignal,
) => Promise<void>;

export type FindChart = (source: ChartSource, deployed: ChartIdentity, signal: AbortSignal) => Promise<LocalChart>;

const ChartYaml = z.object({ name: z.string(), version: z.string() });

/**
 * Finds charts on local disk, pulling each from its repository or registry once per exact version; an archive that
 * is there stays. A path is read at every call, as people edit it.
 */
export function createCharts(folder: string, pull: PullChart): FindChart {
  const pulls = new Map<string, Promise<string>>();
  return async (source, deployed, signal) => {
    if (source.kind === "path") return await readChart(source.path);
    const id = createHash("sha256")
      .update(JSON.stringify([source, deployed.version]))
      .digest("hex");
    const pulled =
      pulls.get(id) ??
      pullOnce(join(folder, id), source, (chart, repository, at) =>
        pull(chart, repository, deployed.version, at, signal),
      );
    pulls.set(id, pulled);
    try {
      return await readPulled(await pulled);
    } catch (caught) {
      pulls.delete(id);
      throw caught;
    }
  };
}

/** A power cut may have torn the archive: then it goes, and the next try pulls it anew. */
async function readPulled(archive: string): Promise<LocalChart> {
  try {
    return await readChart(archive);
  } catch (caught) {
    await rm(archive, { force: true });
    throw caught;
  }
}

async function pullOnce(
  target: string,
  source: Exclude<ChartSource, { kind: "path" }>,
  pull: (chart: string, repository: string | undefined, folder: string) => Promise<void>,
): Promise<string> {
  const present = await archiveIn(target);
  if (present !== undefined) return present;
  const coming = `${target}.${randomUUID()}`;
  await mkdir(coming, { recursive: true, mode: 0o700 });
  try {
    if (source.kind === "oci") await pull(source.oci, undefined, coming);
    else await pull(source.name, source.repository, coming);
    // Another pass may have been faster: then its archive is as good.
    await rename(coming, target).catch(() => undefined);
  } finally {
    await rm(coming, { recursive: true, force: true });
  }
  const archive = await archiveIn(target);
  if (archive === undefined)
    throw new HelmwardenError("ChartUnavailable", "helm pulled no chart archive. Check `chart` in the ReleaseSync.");
  return archive;
}

async function archiveIn(folder: string): Promise<string | undefined> {
  const names = await readdir(folder).catch(() => []);
  const archive = names.find((name) => name.endsWith(".tgz"));
  return archive === undefined ? undefined : join(folder, archive);
}

async function readChart(path: string): Promise<LocalChart> {
  const files = await readChartFiles(path);
  return { path, ...identityOf(files), digest: digestOfFiles(files), impure: impureUses(files) };
}

function identityOf(files: readonly ChartFile[]): ChartIdentity {
  const file = files.find((one) => one.path === "Chart.yaml");
  const content = file === undefined ? undefined : parseQuietly(file.bytes.toString("utf8"));
  const identity = ChartYaml.safeParse(content);
  if (identity.success) return identity.data;
  throw new HelmwardenError(
    "ChartUnavailable",
    "The chart has no readable Chart.yaml with name and version. Check `chart` in the ReleaseSync.",
  );
}

function parseQuietly(text: string): unknown {
  try {
    return parse(text, { logLevel: "silent" });
  } catch {
    return undefined;
  }
}
