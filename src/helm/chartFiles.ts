import { createHash } from "node:crypto";
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { createGunzip } from "node:zlib";
import { extract } from "tar-stream";
import { HelmwardenError } from "../errors.ts";

/** One file of a chart, its path below the chart's folder. */
export interface ChartFile {
  readonly path: string;
  readonly bytes: Buffer;
}

/** A chart is at most this large unpacked; Helm stores it inside a Secret, so a real one is far smaller. */
const MAX_BYTES = 64 * 1024 * 1024;

/** All files of a chart, folder or archive, sorted by path; subchart archives are opened in place. */
export async function readChartFiles(path: string): Promise<ChartFile[]> {
  const entry = await stat(path).catch(() => undefined);
  if (entry === undefined) throw unavailable(`There is no chart at ${path}`);
  const files = entry.isDirectory() ? await readFolder(path) : await readArchive(await readFile(path));
  const opened = await Promise.all(files.map(openSubchart));
  return opened.flat().sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** sha256 over names and contents, as hex. */
export function digestOfFiles(files: readonly ChartFile[]): string {
  const hash = createHash("sha256");
  for (const { path, bytes } of files) hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  return hash.digest("hex");
}

/** Follows symbolic links, as helm does; a folder inside itself is passed over. */
async function readFolder(root: string, below = "", above: readonly string[] = []): Promise<ChartFile[]> {
  const here = await realpath(join(root, below));
  if (above.includes(here)) return [];
  const entries = await readdir(here, { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = join(below, entry.name);
      const target = entry.isSymbolicLink() ? await stat(join(root, path)).catch(() => entry) : entry;
      if (target.isDirectory()) return await readFolder(root, path, [...above, here]);
      return target.isFile() ? [{ path, bytes: await readFile(join(root, path)) }] : [];
    }),
  );
  return found.flat();
}

/** Helm's archives have the chart's name as their first folder; it is cut off. */
async function readArchive(archive: Buffer): Promise<ChartFile[]> {
  const files: ChartFile[] = [];
  let total = 0;
  try {
    const entries = extract();
    Readable.from([archive])
      .pipe(createGunzip())
      .on("error", (cause) => entries.destroy(cause))
      .pipe(entries);
    for await (const entry of entries) {
      total += entry.header.size ?? 0;
      if (total > MAX_BYTES) throw unavailable("The chart's archive is larger than 64 MiB unpacked");
      const bytes = await buffer(entry);
      if (entry.header.type === "file") files.push({ path: entry.header.name.replace(/^[^/]*\//, ""), bytes });
    }
  } catch (caught) {
    if (caught instanceof HelmwardenError) throw caught;
    throw unavailable("The chart's archive is damaged");
  }
  return files;
}

async function openSubchart(file: ChartFile): Promise<ChartFile[]> {
  if (!/^charts\/[^/]+\.tgz$/.test(file.path)) return [file];
  const inner = await readArchive(file.bytes);
  return inner.map(({ path, bytes }) => ({ path: `${file.path}/${path}`, bytes }));
}

function unavailable(what: string): HelmwardenError {
  return new HelmwardenError("ChartUnavailable", `${what}. Check \`chart\` in the ReleaseSync.`);
}
