import type { Lister } from "./lister.ts";
import { groupByFolder, normalPath } from "./secretList.ts";

/** Every folder below a path that holds secrets of its own, by one recursive list; the root counts as below itself. */
export async function listPaths(list: Lister, below: string, signal: AbortSignal): Promise<readonly string[]> {
  const path = normalPath(below);
  const listed = await list({ path, recursive: true }, () => undefined, signal);
  if (listed.kind !== "list") return [];
  return [...groupByFolder(listed.list).keys()].filter((folder) => folder !== path || path === "/").sort();
}
