import { exhausted } from "../core/exhausted.ts";
import { afterPutBack, fightHold } from "../core/fights.ts";
import type { Outcome } from "../core/outcome.ts";
import type { Plan, WantedValue } from "../core/plan.ts";
import { formatKey } from "../core/release.ts";
import type { ReleaseSync } from "../core/spec.ts";
import type { StatusRecord } from "../core/statusRecord.ts";
import { HelmwardenError } from "../errors.ts";
import type { ReleaseReading } from "../ports.ts";
import { adoptRelease } from "./adoptRelease.ts";
import { planStored } from "./planStored.ts";
import { preflight } from "./preflight.ts";
import { isDead, recoverDead } from "./recover.ts";
import { releaseSubject } from "./record.ts";
import type { ReleasePorts } from "./releasePorts.ts";
import { upgradeRelease } from "./upgradeRelease.ts";

/** What was observed of one release before it is planned. */
export interface ObservedRelease {
  readonly reading: ReleaseReading;
  readonly values: readonly WantedValue[];
  readonly record: StatusRecord | undefined;
}

/**
 * The outcome where there is nothing to write to the release; undefined where there is, and a Lease is to be taken for
 * it. Runs no helm.
 */
export async function outcomeWithoutWrite(
  ports: ReleasePorts,
  spec: ReleaseSync,
  seen: ObservedRelease,
  signal: AbortSignal,
): Promise<Outcome | undefined> {
  if (isDead(ports, spec, seen.reading)) return undefined;
  const plan = planOf(ports, spec, seen);
  const isIdle = plan.kind === "none" || plan.kind === "hold" || isLeft(spec, plan);
  return isIdle ? await carryOut(ports, spec, seen, plan, "sync", signal) : undefined;
}

/**
 * One pass over one release. `plan` stops before the first write; `sync` goes on. Throws HelmwardenError for faults;
 * everything expected is an outcome.
 */
export async function reconcileRelease(
  ports: ReleasePorts,
  spec: ReleaseSync,
  observed: ObservedRelease,
  mode: "plan" | "sync",
  signal: AbortSignal,
): Promise<Outcome> {
  const reading = mode === "sync" ? await recoverDead(ports, spec, observed.reading, signal) : observed.reading;
  const seen = { ...observed, reading };
  return await carryOut(ports, spec, seen, planOf(ports, spec, seen), mode, signal);
}

async function carryOut(
  ports: ReleasePorts,
  spec: ReleaseSync,
  seen: ObservedRelease,
  plan: Plan,
  mode: "plan" | "sync",
  signal: AbortSignal,
): Promise<Outcome> {
  switch (plan.kind) {
    case "none":
      if (mode === "sync") await followRelease(ports, spec, seen, signal);
      return { kind: "inSync" };
    case "hold":
      return { kind: "held", holds: plan.holds, changes: plan.changes };
    case "adopt":
      if (mode === "plan")
        return { kind: "pending", action: "adopt", why: plan.unfinished ? "unfinished" : "first contact", changes: [] };
      return await adoptRelease(ports, spec, plan, seen, signal);
    case "upgrade": {
      const { upgrade, changes, why } = plan;
      if (isLeft(spec, plan)) return { kind: "drifted", where: changes.map(({ path }) => path) };
      const isDrift = why === "drift" && !ports.asked;
      const fight = isDrift ? fightHold(seen.record?.putBacks, ports.clock.now(), formatKey(spec.key)) : undefined;
      if (fight !== undefined) return { kind: "held", holds: [fight], changes };
      const checked = await preflight(ports, spec, seen.values, upgrade, seen.record, signal);
      if (checked.holds.length > 0) return { kind: "held", holds: checked.holds, changes };
      if (mode === "plan") return { kind: "pending", action: "upgrade", why, changes };
      const putBacks = isDrift ? { putBacks: afterPutBack(seen.record?.putBacks, ports.clock.now()) } : {};
      return await upgradeRelease(ports, spec, { why, upgrade, changes, preflight: checked, ...putBacks }, signal);
    }
    default:
      return exhausted(plan);
  }
}

/** A drift that `drift: report` leaves as it is. */
function isLeft(spec: ReleaseSync, plan: Plan): boolean {
  return plan.kind === "upgrade" && plan.why === "drift" && spec.drift === "report";
}

/** Somebody else upgraded: the record follows, so that a sweep sees at a glance that all is well. */
async function followRelease(
  ports: ReleasePorts,
  spec: ReleaseSync,
  { reading, record }: ObservedRelease,
  signal: AbortSignal,
): Promise<void> {
  const revision = reading.kind === "found" ? reading.release.base?.revision : undefined;
  if (record === undefined || revision === undefined) return;
  if (record.revision === revision) return;
  await ports.cluster.statuses.put(releaseSubject(spec), { ...record, outcome: "adopted", revision }, signal);
}

function planOf(ports: ReleasePorts, spec: ReleaseSync, { reading, values, record }: ObservedRelease): Plan {
  const name = formatKey(spec.key);
  switch (reading.kind) {
    case "found":
      return planStored(ports, spec, reading.release, values, record);
    case "missing":
      throw new HelmwardenError(
        "ReleaseNotFound",
        `Helm has no release ${name}. Install it first (Argo CD makes none: use a SecretSync there), or correct \`release\` and namespace.`,
      );
    case "corrupt":
      throw new HelmwardenError(
        "ReleaseCorrupt",
        `Revision ${reading.revision} of ${name} cannot be decoded. Delete that storage Secret if an older revision is good, then \`helm rollback\`.`,
      );
  }
}
