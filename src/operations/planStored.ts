import { type Plan, planRelease, type WantedValue } from "../core/plan.ts";
import type { StoredRelease } from "../core/release.ts";
import type { ReleaseSync } from "../core/spec.ts";
import type { StatusRecord } from "../core/statusRecord.ts";
import type { ReleasePorts } from "./releasePorts.ts";

/** The plan for a release that could be read. */
export function planStored(
  { digestKey, keyless = false, asked }: ReleasePorts,
  { guards }: ReleaseSync,
  release: StoredRelease,
  values: readonly WantedValue[],
  record: StatusRecord | undefined,
): Plan {
  return planRelease({ release, values, allowEmpty: guards.empty === "allow", record, digestKey, keyless, asked });
}
