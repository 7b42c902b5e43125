import type { Outcome } from "../core/outcome.ts";
import type { Plan } from "../core/plan.ts";
import { canaryNeedles } from "../core/canaryValue.ts";
import { formatKey, type Revision } from "../core/release.ts";
import type { ReleaseSync } from "../core/spec.ts";
import { formatValuePath, getAt } from "../core/valuePath.ts";
import { type Xray, xrayOf } from "../core/xray.ts";
import { putStatus } from "./record.ts";
import type { ObservedRelease } from "./reconcileRelease.ts";
import type { ReleasePorts } from "./releasePorts.ts";
import { restartToken } from "./restart.ts";
import { holdsPrevious, scrubRelease } from "./scrubRelease.ts";
import { restoreUnfinished } from "./restoreUnfinished.ts";
import { settle } from "./settle.ts";

/**
 * Helm holds the wanted values already: that goes on record, and nothing is written to the release. Where a pass of
 * ours died before it had proven its upgrade, that is finished first: live keys, restarts, readiness, and the scrub.
 */
export async function adoptRelease(
  ports: ReleasePorts,
  spec: ReleaseSync,
  { base, wanted, unfinished }: Plan & { kind: "adopt" },
  { reading, values, record }: ObservedRelease,
  signal: AbortSignal,
): Promise<Outcome> {
  const xray = record?.xray ?? seenIn(base, spec);
  let { revision } = base;
  if (unfinished && record?.xray !== undefined) {
    const token = restartToken(wanted, record.revision);
    const changed = values.map(({ path, kind }) => ({ path: formatValuePath(path), kind, replaces: true }));
    const settling = { changed, expected: base.config, xray, token, before: "unknown" as const };
    const settled = await settle(ports, spec, settling, signal);
    if (settled.kind === "ineffective") return { kind: "ineffective", revision, reason: settled.reason, changes: [] };
    if (settled.kind === "notReady") {
      const { reason } = settled;
      const restored = await restoreUnfinished(ports, spec, base, values, { ...record, xray }, reason, signal);
      return restored ?? { kind: "failed", code: "VerifyFailed", message: reason };
    }
    if (spec.upgrade.scrub && reading.kind === "found" && holdsPrevious(base, spec)) {
      const chart = await ports.helm.chart(spec.chart, base.chart, signal);
      const { last } = reading.release;
      const scrub = { chart, base, expected: base.config, lastRevision: last.revision };
      revision = await scrubRelease(ports, spec, scrub, signal);
    }
  }
  await ports.audit.append({
    kind: "result",
    action: "adopt",
    run: ports.run,
    subject: `release ${formatKey(spec.key)}`,
    base: String(revision),
    changes: [],
    outcome: unfinished ? "finished" : "adopted",
  });
  await putStatus(ports, spec, { phase: "settled", wanted, revision, outcome: "adopted", xray }, signal);
  return { kind: "adopted" };
}

/** Shorter ones stand in a manifest by chance. */
const LEAST_NEEDLE = 12;

/**
 * Where the values that Helm holds are seen in its manifest, without a render: enough to watch the Secrets that they
 * feed. A change takes a real X-ray; this one is never taken for it.
 */
function seenIn(base: Revision, { key, values }: ReleaseSync): Xray {
  const objects = base.objects().open();
  const config = base.config.open();
  const traced = values.map(({ path }) => {
    const needles = canaryNeedles(getAt(config, path) ?? "").filter(({ length }) => length >= LEAST_NEEDLE);
    return { path: formatValuePath(path), needles };
  });
  const seen = xrayOf({ deployed: objects, wanted: objects, canary: objects }, traced, key.namespace);
  return { cacheKey: "", reusable: false, ...seen };
}
