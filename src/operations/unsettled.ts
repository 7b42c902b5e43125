import { digestOf, digestOfSet } from "../core/digest.ts";
import { wantedDigest } from "../core/plan.ts";
import { formatKey, type RevisionHead } from "../core/release.ts";
import { isSettledAt, type StatusRecord } from "../core/statusRecord.ts";
import { type SubjectId, subjectIdOf, type SubjectSpec } from "../core/subject.ts";
import { toHelmwardenError } from "../errors.ts";
import { wantedKeys, wantedValues } from "./observe.ts";
import type { ReleasePorts } from "./releasePorts.ts";
import type { StorePass } from "./storePass.ts";

/** Of other subjects' turns: a long sweep lets timers and requests run in between. */
const BREATHE_EVERY = 50;

/**
 * Which of these subjects of one cluster need a pass: those whose wanted values, newest revision or record do not fit
 * together. Two lists, metadata only, however many there are; no release is decoded. A subject that cannot be judged
 * (a store is down) is left out where it had settled, as there is nothing to do; one whose note `leave` knows as well.
 */
export async function unsettledSubjects(
  ports: ReleasePorts,
  subjects: readonly SubjectSpec[],
  stores: StorePass,
  signal: AbortSignal,
  leave: (noted: NonNullable<StatusRecord["noted"]>) => boolean = () => false,
): Promise<{ readonly unsettled: SubjectId[]; readonly records: ReadonlyMap<SubjectId, StatusRecord> }> {
  const unsettled: SubjectId[] = [];
  const seen = new Map<SubjectId, StatusRecord>();
  const { records, heads } = await listsOf(ports, subjects, signal);
  for (const [index, subject] of subjects.entries()) {
    if (index % BREATHE_EVERY === 0) await new Promise((resolve) => setImmediate(resolve));
    const record = records.get(recordKey(subject));
    if (record !== undefined) seen.set(subjectIdOf(subject), record);
    if (record?.noted !== undefined && leave(record.noted)) continue;
    if (!(await isSettled(ports, subject, record, heads, stores))) unsettled.push(subjectIdOf(subject));
  }
  return { unsettled, records: seen };
}

async function listsOf(
  ports: ReleasePorts,
  group: readonly SubjectSpec[],
  signal: AbortSignal,
): Promise<{ records: ReadonlyMap<string, StatusRecord>; heads: ReadonlyMap<string, RevisionHead> }> {
  const keys = group.flatMap((subject) => (subject.kind === "Release" ? [subject.spec.key] : []));
  const [records, heads] = await Promise.all([
    ports.cluster.statuses.list([...new Set(group.map(namespaceOf))], signal),
    keys.length === 0 ? new Map<string, RevisionHead>() : ports.releases.readHeads(keys, signal),
  ]);
  return { records, heads };
}

async function isSettled(
  ports: ReleasePorts,
  subject: SubjectSpec,
  record: StatusRecord | undefined,
  heads: ReadonlyMap<string, RevisionHead>,
  stores: StorePass,
): Promise<boolean> {
  // A drift that is only reported stays so until somebody acts, which the watches tell.
  if (record === undefined || (record.noted !== undefined && record.noted.outcome !== "drifted")) return false;
  try {
    if (subject.kind === "Secret") return isSettledAt(record, await wantedOfSecret(ports, subject, stores));
    const head = heads.get(formatKey(subject.spec.key));
    const values = await wantedValues(subject.spec, stores);
    if (values.some(({ value }) => value.kind === "hold")) return false;
    const inPlace = head?.status === "deployed" && head.revision === record.revision;
    return inPlace && isSettledAt(record, wantedDigest(ports.digestKey, values));
  } catch (caught) {
    return toHelmwardenError(caught).code !== "Internal" && record.phase === "settled";
  }
}

async function wantedOfSecret(
  ports: ReleasePorts,
  subject: SubjectSpec & { kind: "Secret" },
  stores: StorePass,
): Promise<StatusRecord["wanted"]> {
  const keys = await wantedKeys(subject.spec, stores);
  const digests = keys.flatMap(({ key, value }) =>
    value.kind === "value" ? [[key, digestOf(ports.digestKey, value.value)] as const] : [],
  );
  return digestOfSet(ports.digestKey, new Map(digests));
}

function namespaceOf(subject: SubjectSpec): string {
  return subject.kind === "Release" ? subject.spec.key.namespace : subject.spec.namespace;
}

function recordKey(subject: SubjectSpec): string {
  const name = subject.kind === "Release" ? subject.spec.key.name : subject.spec.secret;
  return `${subject.kind}/${namespaceOf(subject)}/${name}`;
}
