import type { ImportPath } from "../../core/migration/proposal.ts";
import { type PathRule, storePathOf } from "../../core/migration/storePath.ts";
import type { SecretValue } from "../../core/secretValue.ts";
import { HelmwardenError, toHelmwardenError } from "../../errors.ts";
import type { Store } from "../../ports.ts";
import { inLanes } from "../lanes.ts";
import { LANES } from "./importAll.ts";

/** One path that goes from a store to another, in names and sizes: printed whole. */
export interface MovedPath {
  readonly from: string;
  readonly to: string;
  readonly keys: readonly { readonly key: string; readonly bytes: number; readonly version: number }[];
  /** What stays where it is, and why; in words for a person. */
  readonly left: readonly string[];
}

export interface StoreInventory {
  readonly paths: readonly MovedPath[];
  readonly imports: readonly ImportPath[];
  /** By path in the target: what is written beside the values. */
  readonly notes: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** Reads paths of a store and says what would go where. Writes nothing. UsageInvalid where two would meet at one path. */
export async function takeStoreInventory(
  source: Store,
  paths: readonly string[],
  rule: PathRule,
  signal: AbortSignal,
): Promise<StoreInventory> {
  const moved: MovedPath[] = [];
  const imports: ImportPath[] = [];
  const notes = new Map<string, ReadonlyMap<string, string>>();
  await inLanes([...new Set(paths.map(plain))].sort(), LANES, async (from) => {
    if (from === "") {
      moved.push({ from: "/", to: "", keys: [], left: ["what lies at the root needs a folder first: it has no path"] });
      return;
    }
    const to = storePathOf(from, "", "", rule);
    const keys = new Map<string, SecretValue>();
    const left: string[] = [];
    const sizes: MovedPath["keys"][number][] = [];
    try {
      const reading = await source.readPath(from, signal);
      if (reading.kind !== "found") left.push(`there is nothing at ${from} in ${source.name}`);
      else {
        for (const [key, held] of reading.secrets) {
          if (held.kind !== "value")
            left.push(`${key} ${held.kind === "hidden" ? "is not shown to us" : "is no text"}`);
          else if (held.managedBy !== undefined) left.push(`${key} is made by ${held.managedBy}, which goes on there`);
          else {
            keys.set(key, held.value);
            sizes.push({ key, bytes: held.value.byteLength, version: held.version });
          }
        }
        notes.set(to, notesOf(source.name, from, sizes, reading.notes));
      }
    } catch (caught) {
      signal.throwIfAborted();
      left.push(toHelmwardenError(caught).message);
    }
    moved.push({ from, to, keys: sizes, left });
    if (keys.size > 0) imports.push({ path: to, origin: `path ${source.name}:${from}`, keys });
  });
  requireOwnPaths(moved);
  return {
    paths: moved.toSorted((one, other) => order(one.to, other.to)),
    imports: imports.toSorted((one, other) => order(one.path, other.path)),
    notes,
  };
}

function order(one: string, other: string): number {
  return one < other ? -1 : 1;
}

/** Without the slashes that Infisical's paths begin with. */
export function plain(path: string): string {
  return path.split("/").filter(Boolean).join("/");
}

function notesOf(
  store: string,
  from: string,
  keys: MovedPath["keys"],
  written: ReadonlyMap<string, string> = new Map(),
): ReadonlyMap<string, string> {
  const versions = keys
    .filter(({ version }) => version > 0)
    .map(({ key, version }) => [`${key}.version`, String(version)] as const);
  return new Map([["moved-from", `${store}:${from}`], ...written, ...versions]);
}

function requireOwnPaths(moved: readonly MovedPath[]): void {
  const taken = new Map<string, string>();
  for (const { from, to } of moved) {
    const other = taken.get(to);
    if (other !== undefined) {
      throw new HelmwardenError(
        "UsageInvalid",
        `${other} and ${from} would both go to ${to}. Move one of them by hand first.`,
      );
    }
    taken.set(to, from);
  }
}
