import type { Outcome } from "../core/outcome.ts";
import type { StatusRecord } from "../core/statusRecord.ts";
import type { SubjectSpec } from "../core/subject.ts";
import type { ReleaseSync, SecretSync } from "../core/spec.ts";
import { HelmwardenError, toHelmwardenError } from "../errors.ts";
import type { ReleaseReading, Subject } from "../ports.ts";
import { reconcileLiveKeys } from "./liveDrift.ts";
import { noteOutcome } from "./noteOutcome.ts";
import { wantedKeys, wantedValues } from "./observe.ts";
import { reconcileRelease } from "./reconcileRelease.ts";
import { reconcileSecret, secretSubject, settleSecret } from "./reconcileSecret.ts";
import { releaseSubject } from "./record.ts";
import type { ReleasePorts } from "./releasePorts.ts";
import type { StorePass } from "./storePass.ts";

/**
 * One pass over one release or Secret, from what the cluster and the stores say now. Throws HelmwardenError for
 * faults. Exclusion is the caller's matter.
 */
export async function reconcileSubject(
  ports: ReleasePorts,
  subject: SubjectSpec,
  stores: StorePass,
  signal: AbortSignal,
): Promise<Outcome> {
  const record = await ports.cluster.statuses.get(subjectOf(subject), signal);
  const outcome =
    subject.kind === "Release"
      ? await passRelease(ports, subject.spec, record, stores, signal)
      : await passSecret(ports, subject.spec, record, stores, signal);
  if (outcome.kind === "inSync" && record?.noted !== undefined)
    await noteOutcome(ports, subjectOf(subject), outcome, signal);
  return outcome;
}

/** What the status object and the Events of a document are about. */
export function subjectOf(subject: SubjectSpec): Subject {
  return subject.kind === "Release" ? releaseSubject(subject.spec) : secretSubject(subject.spec);
}

async function passSecret(
  ports: ReleasePorts,
  spec: SecretSync,
  record: StatusRecord | undefined,
  stores: StorePass,
  signal: AbortSignal,
): Promise<Outcome> {
  const outcome = await reconcileSecret(ports, spec, await wantedKeys(spec, stores), record, "sync", signal);
  return "kind" in outcome ? outcome : await settleSecret(ports, outcome, [], signal);
}

async function passRelease(
  ports: ReleasePorts,
  spec: ReleaseSync,
  record: StatusRecord | undefined,
  stores: StorePass,
  signal: AbortSignal,
): Promise<Outcome> {
  const [reading, values] = await Promise.all([
    ports.releases.read(spec.key, signal),
    wantedValues(spec, stores).catch(toHelmwardenError),
  ]);
  if (values instanceof HelmwardenError) return await passWithoutStore(ports, spec, reading, record, values, signal);
  const outcome = await reconcileRelease(ports, spec, { reading, values, record }, "sync", signal);
  const base = reading.kind === "found" ? reading.release.base : undefined;
  if (outcome.kind !== "inSync" || record?.xray === undefined || base === undefined) return outcome;
  const known = { ...record, xray: record.xray };
  return (await reconcileLiveKeys(ports, spec, base, known, signal)) ?? outcome;
}

/**
 * A store does not answer: a release that our last pass left settled still says what its live Secrets should hold.
 * Throws the store's fault where nothing of them was changed.
 */
async function passWithoutStore(
  ports: ReleasePorts,
  spec: ReleaseSync,
  reading: ReleaseReading,
  record: StatusRecord | undefined,
  fault: HelmwardenError,
  signal: AbortSignal,
): Promise<Outcome> {
  const last = reading.kind === "found" ? reading.release.last : undefined;
  const isOurs = last?.status === "deployed" && record?.phase === "settled" && record.revision === last.revision;
  if (!isOurs || record.xray === undefined) throw fault;
  const known = { ...record, xray: record.xray };
  const outcome = await reconcileLiveKeys(ports, spec, last, known, signal);
  if (outcome === undefined) throw fault;
  return outcome;
}
