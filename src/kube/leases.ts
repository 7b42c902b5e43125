import type { Clock, Log, WithLease } from "../ports.ts";
import { statusOf } from "./api.ts";
import { type Claim, holdLease } from "./heldLease.ts";
import type { LeaseId, LeaseObjects, LeaseRecord } from "./leaseObjects.ts";

export interface LeaseOptions {
  /** Who we are: different in every process that ever ran, so host, process id and something random. */
  readonly holder: string;
  /** How long a lease outlives its holder. Renewed at a third of it, given up at two thirds. */
  readonly durationMs: number;
}

/** A record, and since when (our clock) it has said the same. */
interface Observation {
  readonly record: LeaseRecord;
  readonly since: number;
}

const ATTEMPTS = 5;
const CONFLICT = 409;

/**
 * The rules of client-go's leader election, for short pieces of work: a lease is taken when it is absent, released,
 * or when its record did not change while we watched it for the holder's own duration, over the version we read. So
 * one call never waits: the lease of a dead holder is "taken" until a later call finds it unchanged for long enough.
 * Undisturbed work costs two API calls. Throws what `work` throws, and HelmwardenError when the lease cannot be asked.
 */
export function createWithLease(
  leases: LeaseObjects,
  { holder, durationMs }: LeaseOptions,
  deps: { readonly clock: Clock; readonly log: Log },
): WithLease {
  const { clock } = deps;
  const seen = new Map<string, Observation>();
  const ours = new Set<string>();

  const observe = (id: LeaseId, record: LeaseRecord): void => {
    const before = seen.get(keyOf(id));
    const moved = before === undefined || !isSameTerm(before.record, record);
    seen.set(keyOf(id), { record, since: moved ? clock.monotonic() : before.since });
  };

  const mayTake = (id: LeaseId, record: LeaseRecord): boolean => {
    if (record.holder === "" || record.holder === holder) return true;
    const since = seen.get(keyOf(id))?.since ?? clock.monotonic();
    return clock.monotonic() - since >= (record.durationMs ?? durationMs);
  };

  const read = async (id: LeaseId, signal: AbortSignal): Promise<LeaseRecord | undefined> => {
    const record = await leases.read(id, signal);
    if (record === undefined) seen.delete(keyOf(id));
    else observe(id, record);
    return record;
  };

  /** A claim, or the name of the holder. */
  const take = async (id: LeaseId, signal: AbortSignal): Promise<Claim | string> => {
    const last = seen.get(keyOf(id))?.record;
    // What we released ourselves is most likely as we left it, and if not, the write over that version fails.
    let record = last?.holder === "" ? last : await read(id, signal);
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      if (record !== undefined && !mayTake(id, record)) return record.holder;
      const provenAt = clock.monotonic();
      const now = clock.now();
      const transitions = record === undefined ? 0 : record.transitions + 1;
      const content = { holder, durationMs, transitions, acquired: now, renewed: now };
      try {
        return { id, content, provenAt, record: await leases.write(id, content, record, signal) };
      } catch (caught) {
        if (statusOf(caught) !== CONFLICT) throw caught;
        record = await read(id, signal);
      }
    }
    return record?.holder ?? "";
  };

  return async (id, work, signal) => {
    if (ours.has(keyOf(id))) return { kind: "taken", by: holder };
    ours.add(keyOf(id));
    try {
      const claim = await take(id, signal);
      if (typeof claim === "string") return { kind: "taken", by: claim };
      const lease = holdLease(leases, claim, deps, signal);
      try {
        return { kind: "held", result: await work(lease.held) };
      } finally {
        const left = await lease.release();
        if (left !== undefined) observe(id, left);
      }
    } finally {
      ours.delete(keyOf(id));
    }
  };
}

function isSameTerm(one: LeaseRecord, other: LeaseRecord): boolean {
  return one.holder === other.holder && one.transitions === other.transitions && one.renewTime === other.renewTime;
}

function keyOf({ namespace, name }: LeaseId): string {
  return `${namespace}/${name}`;
}
