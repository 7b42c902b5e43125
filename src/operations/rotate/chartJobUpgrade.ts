import type { Hold } from "../../core/hold.ts";
import { type Plan, planRelease, type WantedValue, wantedDigest } from "../../core/plan.ts";
import { ownsRef } from "../../core/rotation/dependents.ts";
import { SecretValue } from "../../core/secretValue.ts";
import { refsOf } from "../../core/spec.ts";
import { formatValuePath } from "../../core/valuePath.ts";
import { HelmwardenError } from "../../errors.ts";
import { applyWrite, type CheckedUpgrade, recordResult, upgradeWrite } from "../apply.ts";
import { failureText } from "../failureText.ts";
import { wantedValues } from "../observe.ts";
import { type Preflight, preflight } from "../preflight.ts";
import type { ReleasePorts } from "../releasePorts.ts";
import { createStorePass } from "../storePass.ts";
import { upgradeRelease } from "../upgradeRelease.ts";
import { verifyStored } from "../verify.ts";
import { type ChartJob, type Deployed, isOnIn, shownOf } from "./chartJob.ts";
import { withNext } from "./foresee.ts";

/**
 * One upgrade as any other, guarded, on record and verified, that brings a value into the release with the Job on or
 * off. TargetRefused: it is held, and nothing has changed. Helm's own failures are thrown as they are; what came of the
 * app is for the pass to find that follows.
 */
export async function upgradeWithJob(
  job: ChartJob,
  release: Deployed,
  value: SecretValue,
  isOn: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { policy, spec, stores } = job;
  const next = { value, user: undefined, id: undefined, beside: new Map<string, SecretValue>() };
  const wished = new Map([...stores].map(withNext(policy, next)));
  const mapped = await wantedValues(spec, createStorePass(wished, signal));
  const values = valuesWith(job, release, mapped, isOn);
  const plan = planOf(job, release, values);
  if (plan.kind === "none" || plan.kind === "adopt") return;
  if (plan.kind === "hold") throw heldBy(job, plan.holds);
  requireOnlyOurs(job, plan);
  const ports = withTrust(job);
  // What the Job's own objects are is the chart's matter: all else is looked at as without it.
  const without = isOn ? valuesWith(job, release, mapped, false) : values;
  const checked = await preflightOf(job, ports, without, isOn ? planOf(job, release, without) : plan, signal);
  const { why, changes, upgrade } = plan;
  // Nothing that an app reads: what of an earlier upgrade has to be finished stays on record as it is.
  if (changes.length > 0 && changes.every(({ path }) => path === formatValuePath(job.path)))
    return await writeSwitch(job, { why, changes, upgrade, preflight: checked }, signal);
  await upgradeRelease(
    ports,
    { ...spec, upgrade: { ...spec.upgrade, onFailure: "keep", scrub: spec.upgrade.scrub && !isOn } },
    { why, changes, upgrade: { ...upgrade, wanted: wantedDigest(ports.digestKey, mapped) }, preflight: checked },
    signal,
  );
}

function planOf({ ports, spec }: ChartJob, release: Deployed, values: readonly WantedValue[]): Plan {
  return planRelease({
    release,
    values,
    allowEmpty: spec.guards.empty === "allow",
    record: undefined,
    digestKey: ports.digestKey,
    keyless: ports.keyless ?? false,
    asked: true,
  });
}

/**
 * The switch as one more value, where it is on or is to be: then `false`, never nothing, as helm would bring an old
 * value back.
 */
function valuesWith(
  { policy, path }: ChartJob,
  { base }: Deployed,
  mapped: readonly WantedValue[],
  isOn: boolean,
): readonly WantedValue[] {
  if (!isOn && !isOnIn(base, { path })) return mapped;
  const value = { kind: "value" as const, value: SecretValue.fromText(String(isOn)) };
  const sources = [`RotationPolicy ${policy.namespace}/${policy.name}`];
  return [...mapped, { path, type: "boolean", kind: "token", value, sources }];
}

/** The login, or the Job, answers for what the database remembers. */
function withTrust({ ports, policy }: ChartJob): ReleasePorts {
  const { provenAtTarget } = ports;
  return {
    ...ports,
    provenAtTarget: async (ref, signal) =>
      ownsRef(policy, ref) ? { kind: "accepted" } : ((await provenAtTarget?.(ref, signal)) ?? { kind: "unowned" }),
  };
}

/** The Job changes every password that differs: only ours may. */
function requireOnlyOurs(job: ChartJob, { changes }: Plan & { kind: "upgrade" }): void {
  const own = job.spec.values.filter(({ source }) => refsOf(source).some((ref) => ownsRef(job.policy, ref)));
  const known = new Set([job.path, ...own.map(({ path }) => path)].map(formatValuePath));
  const other = changes.find(({ path }) => !known.has(path));
  if (other === undefined) return;
  throw new HelmwardenError(
    "TargetRefused",
    `${shownOf(job)} is not in step with the store at ${other.path}, which the Job would change as well. Run \`helmwarden sync\` first.`,
  );
}

async function preflightOf(
  job: ChartJob,
  ports: ReleasePorts,
  values: readonly WantedValue[],
  plan: Plan,
  signal: AbortSignal,
): Promise<Preflight> {
  if (plan.kind !== "upgrade") throw heldBy(job, plan.kind === "hold" ? plan.holds : []);
  const checked = await preflight(ports, job.spec, values, plan.upgrade, undefined, signal);
  if (checked.holds.length > 0) throw heldBy(job, checked.holds);
  return checked;
}

async function writeSwitch({ ports, spec }: ChartJob, checked: CheckedUpgrade, signal: AbortSignal): Promise<void> {
  const write = upgradeWrite(checked);
  try {
    await applyWrite(ports, spec, write, signal);
    await verifyStored(ports, spec, write, checked.upgrade, signal);
  } catch (caught) {
    await recordResult(ports, spec, write, "failed", failureText(caught));
    throw caught;
  }
  await recordResult(ports, spec, write, "changed");
}

function heldBy(job: ChartJob, [first]: readonly Hold[]): HelmwardenError {
  const why =
    first === undefined ? "there is nothing to change" : `${first.reason} at ${first.where}. ${first.message}`;
  return new HelmwardenError("TargetRefused", `${shownOf(job)} is held: ${why}`);
}
