import type { RotationPolicy } from "../../core/rotation/policy.ts";
import { formatWindow, type RotationRow } from "../../core/rotation/row.ts";
import { decide } from "../../core/rotation/schedule.ts";
import type { RotationAttempt } from "../../core/rotation/state.ts";
import { formatRef } from "../../core/secretRef.ts";
import type { StatusRecord } from "../../core/statusRecord.ts";
import { toHelmwardenError } from "../../errors.ts";
import type { PathReading, Store } from "../../ports.ts";
import { inLanes } from "../lanes.ts";
import { factsOf } from "./facts.ts";
import { rotatedIn } from "./rotatedSecret.ts";

/** So many paths of a store are read at a time. */
const READS_AT_ONCE = 8;

/**
 * Where every policy stands, from what the stores say now, each path read once. A store that does not answer makes a
 * row, not a fault.
 */
export async function rotationRows(
  policies: readonly RotationPolicy[],
  stores: ReadonlyMap<string, Pick<Store, "readPath">>,
  records: ReadonlyMap<string, StatusRecord>,
  now: Date,
  signal: AbortSignal,
): Promise<readonly RotationRow[]> {
  const rows = new Map<RotationPolicy, RotationRow>();
  const byStore = Map.groupBy(policies, ({ secret }) => secret.store);
  const reads = [...byStore].map(async ([name, all]) => {
    const byPath = Map.groupBy(all, ({ secret }) => secret.path);
    await inLanes([...byPath], READS_AT_ONCE, async ([path, own]) => {
      const reading = await readOf(stores.get(name), path, signal);
      for (const policy of own) {
        const record = records.get(`Rotation/${policy.namespace}/${policy.name}`);
        const row = "message" in reading ? { ...emptyRow(policy), ...reading } : rowOf(policy, reading, record, now);
        rows.set(policy, row);
      }
    });
  });
  await Promise.all(reads);
  return policies.flatMap((policy) => rows.get(policy) ?? []);
}

async function readOf(
  store: Pick<Store, "readPath"> | undefined,
  path: string,
  signal: AbortSignal,
): Promise<PathReading | { readonly state: "unknown"; readonly message: string }> {
  try {
    return (await store?.readPath(path, signal)) ?? { kind: "missing", why: "absent" };
  } catch (caught) {
    return { state: "unknown", message: toHelmwardenError(caught).message };
  }
}

/** One policy, from a reading of its path. */
function rowOf(policy: RotationPolicy, reading: PathReading, record: StatusRecord | undefined, now: Date): RotationRow {
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
    // Asked for by people, and of what is due.
    get nextAt() {
      return decision.nextAt;
    },
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
