import type { AuditRecord } from "../core/auditRecord.ts";
import { exhausted } from "../core/exhausted.ts";
import { afterPutBack, fightHold, type PutBacks } from "../core/fights.ts";
import type { Outcome } from "../core/outcome.ts";
import { isRemembered, statefulKeyHolds } from "../core/guards.ts";
import type { Hold } from "../core/hold.ts";
import type { DataKey } from "../core/readers.ts";
import { planSecret, type SecretPlan, type WantedKey } from "../core/secretPlan.ts";
import type { SecretValue } from "../core/secretValue.ts";
import type { SecretSync } from "../core/spec.ts";
import type { StatusRecord } from "../core/statusRecord.ts";
import { HelmwardenError } from "../errors.ts";
import type { LiveSecret, Subject, Workload } from "../ports.ts";
import { auditChange } from "./apply.ts";
import { failureText } from "./failureText.ts";
import type { ReleasePorts } from "./releasePorts.ts";
import { changedSince, formatWorkload, restartReaders, restartToken } from "./restart.ts";
import { type HeldValue, withoutProven } from "./withoutProven.ts";

export type SecretPorts = Pick<
  ReleasePorts,
  "cluster" | "audit" | "clock" | "digestKey" | "keyless" | "run" | "asked" | "provenAtTarget"
>;

/** A Secret that has been written; its readers are restarted at the end of the pass, once each. */
export interface WrittenSecret {
  readonly spec: SecretSync;
  readonly plan: SecretPlan & { kind: "apply" | "adopt" };
  /** The namespace's workloads before the Secret was written, or after it by a pass that died. */
  readonly before: readonly Workload[];
  /** See restartToken. */
  readonly token: string;
  /** For the record, where it was put back after a drift. */
  readonly putBacks: PutBacks | undefined;
  /** Did the Secret exist? Pods that wait for a new one start by themselves. */
  readonly existed: boolean;
}

export function secretSubject(spec: SecretSync): Subject {
  return { kind: "Secret", namespace: spec.namespace, name: spec.secret };
}

/**
 * First half of a pass over one Secret: plan, then server-side apply of just the mapped keys and reading them back.
 * An outcome means that it is done; a WrittenSecret is to be handed to `settleSecret`.
 */
export async function reconcileSecret(
  ports: SecretPorts,
  spec: SecretSync,
  keys: readonly WantedKey[],
  record: StatusRecord | undefined,
  mode: "plan" | "sync",
  signal: AbortSignal,
): Promise<Outcome | WrittenSecret> {
  const present = await ports.cluster.secrets.get(spec.namespace, spec.secret, signal);
  const plan = planSecret(keys, {
    present,
    record,
    digestKey: ports.digestKey,
    keyless: ports.keyless ?? false,
    allowEmpty: spec.guards.empty === "allow",
    type: spec.type,
  });
  switch (plan.kind) {
    case "none":
      return { kind: "inSync" };
    case "hold":
      return { kind: "held", holds: plan.holds, changes: plan.changes };
    case "adopt":
      if (mode === "plan")
        return { kind: "pending", action: "adopt", why: plan.unfinished ? "unfinished" : "first contact", changes: [] };
      return await unsettledSecret(ports, spec, plan, present, signal);
    case "apply": {
      if (plan.why === "drift" && spec.drift === "report")
        return { kind: "drifted", where: plan.changes.map(({ path }) => path) };
      const isDrift = plan.why === "drift" && !ports.asked;
      const fight = isDrift ? fightHold(record?.putBacks, ports.clock.now(), `Secret/${spec.secret}`) : undefined;
      const holds = fight === undefined ? await rememberedHolds(ports, spec, plan, signal) : [fight];
      if (holds.length > 0) return { kind: "held", holds, changes: plan.changes };
      if (mode === "plan") return { kind: "pending", action: "apply", why: plan.why, changes: plan.changes };
      const { before, live } = await applySecret(ports, spec, plan, present, signal);
      const putBacks = isDrift ? afterPutBack(record?.putBacks, ports.clock.now()) : undefined;
      return { spec, plan, before, token: tokenOf(plan, live), putBacks, existed: present !== undefined };
    }
    default:
      return exhausted(plan);
  }
}

/** The workloads are asked for only where one of them may remember an old value. */
async function rememberedHolds(
  ports: SecretPorts,
  spec: SecretSync,
  { changed, data }: SecretPlan & { kind: "apply" },
  signal: AbortSignal,
): Promise<readonly Hold[]> {
  if (spec.guards.statefulCredential === "allow" || !changed.some(isRemembered)) return [];
  const workloads = await ports.cluster.workloads.list(spec.namespace, signal);
  const holds = statefulKeyHolds(spec.secret, changed, workloads);
  const valueAt = (at: string): HeldValue | undefined => {
    const source = spec.data.find(({ key }) => key === at)?.source;
    return source && { source, wanted: data.get(at) };
  };
  return await withoutProven(ports, valueAt, holds, signal);
}

/** A Secret that holds the wanted values. After a pass that died, several of its Secrets may need the same restart. */
async function unsettledSecret(
  ports: SecretPorts,
  spec: SecretSync,
  plan: SecretPlan & { kind: "adopt" },
  present: LiveSecret | undefined,
  signal: AbortSignal,
): Promise<WrittenSecret> {
  const before = plan.unfinished ? await ports.cluster.workloads.list(spec.namespace, signal) : [];
  return { spec, plan, before, token: tokenOf(plan, present), putBacks: undefined, existed: plan.unfinished };
}

/** The keys that it writes, as workloads read them. */
export function keysOf({ secret, data }: SecretSync): DataKey[] {
  return data.map(({ key }) => ({ kind: "Secret", name: secret, key }));
}

/**
 * Second half, after all Secrets and releases of the pass: restarts those who read a changed key at start, and records.
 * `all` that the pass has written: a restart is for these as well, and none of them asks for another.
 */
export async function settleSecret(
  ports: SecretPorts,
  written: WrittenSecret,
  all: readonly WrittenSecret[],
  signal: AbortSignal,
): Promise<Outcome> {
  const { spec, plan, before, putBacks, existed } = written;
  const { cluster, namespace } = spec;
  const mode = existed ? spec.restart : "never";
  const covers = all.filter((one) => one.spec.cluster === cluster && one.spec.namespace === namespace).map(changeOf);
  const after = await ports.cluster.workloads.list(namespace, signal);
  const { restarted } = await restartReaders(
    ports,
    { ...changeOf(written), covers, isRolled: changedSince(before), after, mode },
    signal,
  );
  const outcome = plan.kind === "apply" ? "changed" : "adopted";
  await ports.audit.append({ ...auditRecord(ports, spec, plan, "result"), outcome });
  const done = putBacks === undefined ? { outcome } : { outcome, putBacks };
  await putSecretStatus(ports, spec, { phase: "settled", wanted: plan.wanted, revision: 0, ...done }, signal);
  if (plan.kind === "adopt") return { kind: "adopted" };
  return {
    kind: "changed",
    why: plan.why,
    revision: 0,
    changes: plan.changes,
    restarted: restarted.map(formatWorkload),
  };
}

function changeOf({ spec, plan, token }: WrittenSecret): { readonly keys: readonly DataKey[]; readonly token: string } {
  const changed = plan.kind === "apply" ? new Set(plan.changes.map(({ path }) => path)) : undefined;
  return { token, keys: keysOf(spec).filter(({ key }) => changed?.has(key) ?? true) };
}

async function applySecret(
  ports: SecretPorts,
  spec: SecretSync,
  plan: SecretPlan & { kind: "apply" },
  present: LiveSecret | undefined,
  signal: AbortSignal,
): Promise<{ readonly before: readonly Workload[]; readonly live: LiveSecret | undefined }> {
  const { secrets, workloads } = ports.cluster;
  const [before] = await Promise.all([
    workloads.list(spec.namespace, signal),
    putSecretStatus(ports, spec, { phase: "applying", wanted: plan.wanted, revision: 0, outcome: "applying" }, signal),
  ]);
  await ports.audit.append({ ...auditRecord(ports, spec, plan, "intent"), base: present?.resourceVersion ?? "none" });
  try {
    signal.throwIfAborted();
    await secrets.apply(spec.namespace, spec.secret, plan.data, signal, spec.type);
    const live = await secrets.get(spec.namespace, spec.secret, signal);
    requireHeld(live, plan.data, spec);
    return { before, live };
  } catch (caught) {
    await ports.audit.append({
      ...auditRecord(ports, spec, plan, "result"),
      outcome: "failed",
      reason: failureText(caught),
    });
    throw caught;
  }
}

/** After a crash the Secret is still at the version that our apply gave it, unless somebody wrote it since. */
function tokenOf({ wanted }: WrittenSecret["plan"], live: LiveSecret | undefined): string {
  return restartToken(wanted, live?.resourceVersion ?? "new");
}

function requireHeld(live: LiveSecret | undefined, data: ReadonlyMap<string, SecretValue>, spec: SecretSync): void {
  const missed = [...data].filter(([key, value]) => live?.data.get(key)?.equals(value) !== true).map(([key]) => key);
  if (missed.length === 0) return;
  throw new HelmwardenError(
    "VerifyFailed",
    `The Secret ${spec.namespace}/${spec.secret} does not hold the new value at ${missed.join(", ")}: something else writes it. \`kubectl get secret --show-managed-fields\` names it.`,
  );
}

async function putSecretStatus(
  ports: SecretPorts,
  spec: SecretSync,
  record: Omit<StatusRecord, "run" | "at">,
  signal: AbortSignal,
): Promise<void> {
  await ports.cluster.statuses.put(
    secretSubject(spec),
    { ...record, run: ports.run, at: ports.clock.now().toISOString() },
    signal,
  );
}

function auditRecord(
  ports: SecretPorts,
  spec: SecretSync,
  plan: SecretPlan & { kind: "apply" | "adopt" },
  kind: AuditRecord["kind"],
): AuditRecord {
  return {
    kind,
    action: plan.kind,
    run: ports.run,
    subject: `secret ${spec.cluster}/${spec.namespace}/${spec.secret}`,
    base: "",
    changes: plan.kind === "apply" ? plan.changes.map(auditChange) : [],
  };
}
