import { jsonEquals } from "../core/json.ts";
import type { Upgrade } from "../core/plan.ts";
import type { Revision } from "../core/release.ts";
import { Sealed } from "../core/secretValue.ts";
import type { ReleaseSync } from "../core/spec.ts";
import { getAt } from "../core/valuePath.ts";
import type { LocalChart } from "../ports.ts";
import { applyWrite, recordResult, type Write } from "./apply.ts";
import { failureText } from "./failureText.ts";
import type { ReleasePorts } from "./releasePorts.ts";
import { verifyStored } from "./verify.ts";

/** What an empty upgrade is made on: the newest revision, and what it must leave as it is. */
export interface Scrub extends Pick<Upgrade, "base" | "expected" | "lastRevision"> {
  readonly chart: LocalChart;
}

/**
 * `scrub: true`: an empty second upgrade, as `chart.values` of the newest revision still holds the previous secret.
 * Gives the revision that it made.
 */
export async function scrubRelease(
  ports: ReleasePorts,
  spec: ReleaseSync,
  { chart, lastRevision, ...kept }: Scrub,
  signal: AbortSignal,
): Promise<number> {
  const write: Write = { action: "scrub", chart, overlay: new Sealed({}), changes: [], lastRevision };
  try {
    await applyWrite(ports, spec, write, signal);
    await verifyStored(ports, spec, write, kept, signal);
  } catch (caught) {
    await recordResult(ports, spec, write, "failed", failureText(caught));
    throw caught;
  }
  await recordResult(ports, spec, write, "changed");
  return lastRevision + 1;
}

/** Does `chart.values` hold other values at the mapped paths than the user's values do? Then a scrub has work to do. */
export function holdsPrevious({ config, defaults }: Revision, { values }: ReleaseSync): boolean {
  return values.some(({ path }) => {
    const [own, previous] = [getAt(config.open(), path), getAt(defaults.open(), path)];
    return own !== undefined && previous !== undefined && !jsonEquals(own, previous);
  });
}
