import { stateOf } from "../../core/migration/journal.ts";
import type { ImportPath } from "../../core/migration/proposal.ts";
import { toHelmwardenError } from "../../errors.ts";
import { importAll, type ImportPorts, type PathDone } from "./importAll.ts";
import { type Difference, verifyAll } from "./verifyAll.ts";

/** One path alone, then those below each first folder together. */
export function wavesOf(imports: readonly ImportPath[]): readonly (readonly ImportPath[])[] {
  const [first, ...rest] = imports;
  if (first === undefined) return [];
  return [[first], ...Map.groupBy(rest, ({ path }) => path.split("/")[0] ?? "").values()];
}

/**
 * Imports wave after wave, and reads each back before the next begins: the first difference ends it. Notes go beside
 * the values; what the target has no room for is told, and stops nothing.
 */
export async function importInWaves(
  ports: ImportPorts,
  imports: readonly ImportPath[],
  notes: ReadonlyMap<string, ReadonlyMap<string, string>>,
  on: { readonly path: (done: PathDone) => void; readonly lost: (path: string, why: string) => void },
  signal: AbortSignal,
): Promise<readonly Difference[]> {
  for (const wave of wavesOf(imports)) {
    await importAll(ports, wave, on.path, signal);
    for (const { path } of wave) await annotate(ports, path, notes.get(path), on.lost, signal);
    const state = stateOf(ports.journal.entries);
    const own = new Set(wave.map(({ path }) => path));
    const items = new Map([...state.items].filter(([path]) => own.has(path)));
    const differences = await verifyAll(ports, { ...state, items }, wave, () => undefined, signal);
    if (differences.length > 0) return differences;
  }
  return [];
}

async function annotate(
  { store }: ImportPorts,
  path: string,
  notes: ReadonlyMap<string, string> = new Map(),
  lost: (path: string, why: string) => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    const left = store.annotate === undefined ? notes.size : await store.annotate(path, notes, signal);
    if (left > 0) lost(path, `${left} notes (comments, tags, versions) have no room in ${store.name}`);
  } catch (caught) {
    signal.throwIfAborted();
    lost(path, `its notes are not carried: ${toHelmwardenError(caught).message}`);
  }
}
