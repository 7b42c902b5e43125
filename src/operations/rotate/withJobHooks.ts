import type { JsonObject } from "../../core/json.ts";
import { formatKey } from "../../core/release.ts";
import { releaseOfChartJob } from "../../core/rotation/dependents.ts";
import { Sealed } from "../../core/secretValue.ts";
import type { Config } from "../../core/spec.ts";
import { HelmwardenError } from "../../errors.ts";
import type { ReleasePorts } from "../releasePorts.ts";
import { jobHooks } from "./jobHooks.ts";

type Deployed = ReadonlyMap<string, Sealed<readonly JsonObject[]>>;

/**
 * The objects of each release, and those that a RotationPolicy's Job adds to one of its upgrades, as dry runs show
 * them. Throws ConfigInvalid where its switch adds none.
 */
export async function withJobHooks(
  ports: Pick<ReleasePorts, "helm" | "releases">,
  { rotations, releases }: Pick<Config, "rotations" | "releases">,
  deployed: Deployed,
  signal: AbortSignal,
): Promise<Deployed> {
  const all = new Map(deployed);
  for (const policy of rotations) {
    const { target } = policy;
    const spec = target.kind === "chartJob" ? releaseOfChartJob(policy, target, releases) : undefined;
    if (target.kind !== "chartJob" || spec === undefined) continue;
    const id = formatKey(spec.key);
    const own = all.get(id);
    const reading = own === undefined ? undefined : await ports.releases.read(spec.key, signal);
    const base = reading?.kind === "found" ? reading.release.base : undefined;
    if (own === undefined || base === undefined) continue;
    const { fault, hooks } = await jobHooks(ports, spec, target.switch, base, signal);
    if (fault !== undefined) throw new HelmwardenError("ConfigInvalid", `RotationPolicy ${policy.name}: ${fault}.`);
    all.set(id, new Sealed([...own.open(), ...hooks.open()]));
  }
  return all;
}
