import type { RotationPolicy } from "../../core/rotation/policy.ts";
import { formatWindow, type RotationRow } from "../../core/rotation/row.ts";
import { decide } from "../../core/rotation/schedule.ts";
import type { RotationAttempt } from "../../core/rotation/state.ts";
import { formatRef } from "../../core/secretRef.ts";
import type { StatusRecord } from "../../core/statusRecord.ts";
import { toHelmwardenError } from "../../errors.ts";
import type { PathReading, Store } from "../../ports.ts";
import { factsOf } from "./facts.ts";
import { rotatedIn } from "./rotatedSecret.ts";

/** Where every policy stands, from what the stores say now. A store that does not answer makes a row, not a fault. */
export async function rotationRows(
  policies: readonly RotationPolicy[],
  stores: ReadonlyMap<string, Pick<Store, "readPath">>,
  records: ReadonlyMap<string, StatusRecord>,
  now: Date,
  signal: AbortSignal,
): Promise<readonly RotationRow[]> {
  const readings = new Map<string, Promise<PathReading>>();
  return await Promise.all(
    policies.map(async (policy) => {
      const { store, path } = policy.secret;
      const id = JSON.stringify([store, path]);
      const reading = readings.get(id) ?? readOf(stores.get(store), path, signal);
      readings.set(id, reading);
      const record = records.get(`Rotation/${policy.namespace}/${policy.name}`);
      try {
        return rowOf(policy, await reading, record, now);
      } catch (caught) {
        return { ...emptyRow(policy), state: "unknown" as const, message: toHelmwardenError(caught).message };
      }
    }),
  );
}

async function readOf(
  store: Pick<Store, "readPath"> | undefined,
  path: string,
  signal: AbortSignal,
): Promise<PathReading> {
  return (await store?.readPath(path, signal)) ?? { kind: "missing", why: "absent" };
}

/** One policy, from a reading of its path. */
export function rowOf(
  policy: RotationPolicy,
  reading: PathReading,
  record: StatusRecord | undefined,
  now: Date,
): RotationRow {
  const secret = rotatedIn(policy, reading);
  if ("refused" in secret) return { ...emptyRow(policy), state: "refused", message: secret.refused };
  const facts = factsOf(policy, secret);
  const { lastRotated } = facts;
  const { attempt } = secret.state;
  const decision = decide(policy, facts, now);
  return {
    ...emptyRow(policy),
    lastRotated,
    ageMs: lastRotated === undefined ? undefined : Math.max(0, now.getTime() - lastRotated.getTime()),
    dueAt: decision.dueAt,
    nextAt: decision.nextAt,
    state: decision.state,
    step: attempt?.step,
    late: decision.state === "overdue" || isStuck(policy, attempt, now),
    message: record === undefined || record.outcome === "rotated" ? undefined : record.reason,
  };
}

/** A rotation that never ends leaves two values that work. */
function isStuck({ deadlineMs }: RotationPolicy, attempt: RotationAttempt | undefined, now: Date): boolean {
  return attempt !== undefined && now.getTime() - attempt.startedAt.getTime() > deadlineMs;
}

function emptyRow(policy: RotationPolicy): RotationRow {
  const { name, namespace, owner, window } = policy;
  return {
    name,
    namespace,
    secret: formatRef(policy.secret),
    owner,
    ageMs: undefined,
    lastRotated: undefined,
    dueAt: undefined,
    nextAt: undefined,
    window: window === undefined ? undefined : formatWindow(window),
    state: "unknown",
    step: undefined,
    late: false,
    message: undefined,
  };
}
