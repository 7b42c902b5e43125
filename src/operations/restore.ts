import { getAt, parseValuePath } from "../core/valuePath.ts";
import { mergeValues } from "../core/values.ts";
import type { Outcome } from "../core/outcome.ts";
import { planOverlay } from "../core/overlay.ts";
import type { Upgrade } from "../core/plan.ts";
import { Sealed } from "../core/secretValue.ts";
import type { ReleaseSync } from "../core/spec.ts";
import { HelmwardenError } from "../errors.ts";
import { applyWrite, type CheckedUpgrade, readAgain, recordResult, type Write } from "./apply.ts";
import { failureText } from "./failureText.ts";
import { putStatus } from "./record.ts";
import type { ReleasePorts } from "./releasePorts.ts";
import { settle } from "./settle.ts";
import { verifyStored } from "./verify.ts";

/**
 * Puts the previous values of the changed paths back by one more upgrade, never by a rollback, which would take
 * everybody else's values back as well. Throws VerifyFailed, naming both faults, where that does not work either.
 */
export async function restoreRelease(
  ports: ReleasePorts,
  spec: ReleaseSync,
  checked: CheckedUpgrade,
  reason: string,
  signal: AbortSignal,
): Promise<Outcome> {
  const { upgrade, changes, preflight } = checked;
  const before = await ports.cluster.workloads.list(spec.key.namespace, signal);
  const release = await readAgain(ports, spec, signal);
  const base = release.base ?? upgrade.base;
  const overlay = planOverlay(base.config.open(), base.defaults.open(), previousWishes(upgrade));
  const back: Upgrade = {
    ...upgrade,
    base,
    overlay: new Sealed(overlay.overlay),
    expected: new Sealed(overlay.expected),
  };
  const write: Write = {
    action: "restore",
    chart: preflight.chart,
    overlay: back.overlay,
    changes,
    lastRevision: release.last.revision,
    deployed: { base, xray: preflight.xray },
  };
  try {
    await applyWrite(ports, spec, write, signal);
    const verified = verifyStored(ports, spec, write, back, signal);
    const token = `restore-${ports.run}`;
    const { changed } = upgrade;
    const { xray } = preflight;
    await settle(ports, spec, { changed, expected: back.expected, xray, token, before, verified }, signal);
  } catch (caught) {
    await recordResult(ports, spec, write, "failed", failureText(caught));
    throw new HelmwardenError(
      "VerifyFailed",
      `${reason}; putting the previous values back failed as well (${failureText(caught)}). See \`helm history\` and repair the release by hand.`,
    );
  }
  await recordResult(ports, spec, write, "restored", reason);
  const revision = write.lastRevision + 1;
  await putStatus(
    ports,
    spec,
    { phase: "settled", wanted: upgrade.wanted, revision, outcome: "restored", reason, xray: preflight.xray },
    signal,
  );
  return { kind: "restored", revision, reason, changes };
}

/** What stood at the changed paths before. A path that held nothing gets "", as a null would come back later. */
function previousWishes({
  base,
  changed,
}: Upgrade): { path: readonly (string | number)[]; json: NonNullable<ReturnType<typeof getAt>> }[] {
  const effective = mergeValues(base.defaults.open(), base.config.open());
  return changed.flatMap(({ path }) => {
    const parsed = parseValuePath(path);
    return "error" in parsed ? [] : [{ path: parsed, json: getAt(effective, parsed) ?? "" }];
  });
}
