import type { PathReading } from "../../ports.ts";
import { singleFlight } from "../singleFlight.ts";
import type { Lister, ListQuery } from "./lister.ts";
import type { SecretList } from "./schema.ts";
import { groupByFolder, mergeFolder, normalPath } from "./secretList.ts";

const MISSING: PathReading = { kind: "missing", why: "absent" };

/** All folders below a path, by one list. */
interface Tree {
  readonly folders: ReadonlyMap<string, PathReading>;
  /** A recursive list does not tell which folder an import belongs to. */
  readonly hasImports: boolean;
}

/** Reads a path as Store.readPath promises. Folders below `root` share one list, unless one of them imports. */
export function createReader(list: Lister, root: string | undefined, life: AbortSignal) {
  const listFolder = conditional(list, mergeFolder);
  const listTree = conditional(list, treeOf);
  const readTree = singleFlight((signal) => listTree({ path: root ?? "/", recursive: true }, signal), life);

  return async (path: string, signal: AbortSignal): Promise<PathReading> => {
    const folder = normalPath(path);
    if (root !== undefined && isBelow(folder, root)) {
      const tree = await readTree(signal);
      if (tree?.hasImports !== true) return tree?.folders.get(folder) ?? MISSING;
    }
    return (await listFolder({ path: folder, recursive: false }, signal)) ?? MISSING;
  };
}

/** Gives the object that was made of the last list again as long as the server says that nothing moved. */
function conditional<T>(list: Lister, made: (list: SecretList) => T) {
  const last = new Map<string, { readonly etag: string; readonly content: T }>();
  return async (query: ListQuery, signal: AbortSignal): Promise<T | undefined> => {
    const listed = await list(query, (url) => last.get(url)?.etag, signal);
    if (listed.kind === "missing") return undefined;
    if (listed.kind === "same") return last.get(listed.url)?.content;
    const content = made(listed.list);
    if (listed.etag !== undefined) last.set(listed.url, { etag: listed.etag, content });
    return content;
  };
}

function treeOf(list: SecretList): Tree {
  return { folders: groupByFolder(list), hasImports: list.imports.some(({ secrets }) => secrets.length > 0) };
}

function isBelow(folder: string, root: string): boolean {
  return root === "/" || `${folder}/`.startsWith(`${root}/`);
}
