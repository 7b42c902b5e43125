import type { JsonObject } from "../core/json.ts";
import { formatKey } from "../core/release.ts";
import type { Sealed } from "../core/secretValue.ts";
import type { ReleaseSync } from "../core/spec.ts";
import type { Releases } from "../ports.ts";

/** The objects that an upgrade of each release would apply, by formatKey; left out: what is not there or unreadable. */
export async function deployedObjects(
  releases: Releases,
  specs: readonly ReleaseSync[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Sealed<readonly JsonObject[]>>> {
  const keys = specs.map(({ key }) => key);
  if (keys.length === 0) return new Map();
  const readings = await releases.readAll(keys, signal);
  return new Map(
    keys.flatMap((key) => {
      const reading = readings.get(formatKey(key));
      const base = reading?.kind === "found" ? (reading.release.base ?? reading.release.last) : undefined;
      return base === undefined ? [] : [[formatKey(key), base.objects()] as const];
    }),
  );
}
