import type { Outcome } from "../core/outcome.ts";
import type { WantedValue } from "../core/plan.ts";
import type { Revision } from "../core/release.ts";
import type { ReleaseSync } from "../core/spec.ts";
import type { StatusRecord } from "../core/statusRecord.ts";
import type { Xray } from "../core/xray.ts";
import { isOurs } from "./apply.ts";
import { planStored } from "./planStored.ts";
import type { ReleasePorts } from "./releasePorts.ts";
import { restoreRelease } from "./restore.ts";

/**
 * The app does not come up with what a pass that died had brought in: the values that it replaced are put back, as it
 * would have done. Undefined where that is not asked for, where the revision `made` is not of that pass, or where
 * Helm's history no longer has the one before.
 */
export async function restoreUnfinished(
  ports: ReleasePorts,
  spec: ReleaseSync,
  made: Revision,
  values: readonly WantedValue[],
  record: StatusRecord & { readonly xray: Xray },
  reason: string,
  signal: AbortSignal,
): Promise<Outcome | undefined> {
  const isTheirs = !isOurs({ run: record.run }, { lastRevision: record.revision }, made);
  if (spec.upgrade.onFailure !== "restore" || record.base === undefined || isTheirs) return undefined;
  const previous = await ports.releases.readRevision(spec.key, record.base, signal);
  if (previous === undefined) return undefined;
  // What had been planned on it, as the same values are wanted still.
  const plan = planStored(ports, spec, { key: spec.key, last: previous, base: previous }, values, undefined);
  if (plan.kind !== "upgrade") return undefined;
  const chart = await ports.helm.chart(spec.chart, made.chart, signal);
  const { why, upgrade, changes } = plan;
  const preflight = { chart, xray: record.xray, holds: [] };
  return await restoreRelease(ports, spec, { why, upgrade, changes, preflight }, reason, signal);
}
