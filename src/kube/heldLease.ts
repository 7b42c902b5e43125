import { HelmwardenError } from "../errors.ts";
import type { Clock, Log } from "../ports.ts";
import { statusOf } from "./api.ts";
import type { LeaseContent, LeaseId, LeaseObjects, LeaseRecord } from "./leaseObjects.ts";

/** A lease that we have just taken. */
export interface Claim {
  readonly id: LeaseId;
  readonly content: LeaseContent;
  readonly record: LeaseRecord;
  /** Our clock before the write was sent: nobody can have seen the record change earlier. */
  readonly provenAt: number;
}

/** A lease in our hands, renewed until `release`. */
export interface HeldLease {
  /** Aborts with `signal`, and when the lease is lost or was not proven ours for two thirds of its duration. */
  readonly held: AbortSignal;
  /** Clears the holder, unless it was lost; gives the record as we left it. Never rejects. */
  release(): Promise<LeaseRecord | undefined>;
}

const CONFLICT = 409;

export function holdLease(
  leases: LeaseObjects,
  { id, content, ...claim }: Claim,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  signal: AbortSignal,
): HeldLease {
  const { durationMs } = content;
  const fields = { namespace: id.namespace, lease: id.name };
  let { record, provenAt } = claim;
  const lost = new AbortController();
  const ended = new AbortController();

  const timeLeft = (): number => Math.max(0, provenAt + (durationMs * 2) / 3 - clock.monotonic());
  const lose = (why: string): void => {
    if (lost.signal.aborted || ended.signal.aborted) return;
    log.warn("A lease was lost, and the work under it stops", { ...fields, why });
    lost.abort(lostLease(id));
  };
  const checkTime = (): void => {
    if (timeLeft() === 0) lose("it could not be renewed in time");
  };

  /** Undefined if the lease is not ours any more. */
  const update = (holder: string, until: AbortSignal): Promise<LeaseRecord | undefined> =>
    overwrite(leases, id, record, { ...content, holder, renewed: clock.now() }, until);

  const renewOnce = async (): Promise<boolean> => {
    const sent = clock.monotonic();
    // Two attempts fit before the end, as the first may hang.
    const deadline = AbortSignal.timeout(Math.ceil(Math.min(durationMs / 6, timeLeft())));
    try {
      const renewed = await update(content.holder, AbortSignal.any([ended.signal, deadline]));
      if (renewed === undefined) lose("another process took it");
      else [record, provenAt] = [renewed, sent];
      return true;
    } catch {
      return false;
    }
  };

  const renew = async (): Promise<void> => {
    let wait = durationMs / 3;
    while (!lost.signal.aborted) {
      await clock.sleep(Math.min(wait, timeLeft()), ended.signal).catch(() => {});
      if (ended.signal.aborted) return;
      checkTime();
      if (!lost.signal.aborted) wait = (await renewOnce()) ? durationMs / 3 : durationMs / 15;
    }
  };

  const renewing = renew();
  return {
    held: checkedAtEachLook(signal, lost.signal, checkTime),
    async release() {
      ended.abort();
      await renewing;
      if (lost.signal.aborted) return undefined;
      try {
        return await update("", AbortSignal.timeout(durationMs / 3));
      } catch {
        log.debug("A lease could not be released and will expire by itself", fields);
        return undefined;
      }
    },
  };
}

/** Writes over our own record, wherever its version has gone; undefined if it is ours no more. */
async function overwrite(
  leases: LeaseObjects,
  id: LeaseId,
  ours: LeaseRecord,
  content: LeaseContent,
  until: AbortSignal,
): Promise<LeaseRecord | undefined> {
  for (let record = ours; ;) {
    try {
      return await leases.write(id, content, record, until);
    } catch (caught) {
      if (statusOf(caught) !== CONFLICT) throw caught;
      const found = await leases.read(id, until);
      if (found?.holder !== ours.holder || found.transitions !== ours.transitions) return undefined;
      record = found;
    }
  }
}

/**
 * A process that was paused runs what was ready before its timers, so a timer alone would tell too late: whoever
 * looks at this signal, or derives another from it, has the clock asked at that moment.
 */
function checkedAtEachLook(signal: AbortSignal, lost: AbortSignal, check: () => void): AbortSignal {
  const held = AbortSignal.any([signal, lost]);
  const isAborted = (): boolean => {
    check();
    return signal.aborted || lost.aborted;
  };
  const throwIfAborted = (): void => {
    if (isAborted()) throw held.reason;
  };
  return Object.defineProperties(held, { aborted: { get: isAborted }, throwIfAborted: { value: throwIfAborted } });
}

function lostLease({ namespace, name }: LeaseId): HelmwardenError {
  return new HelmwardenError(
    "ReleaseConflict",
    `The lease ${name} in namespace ${namespace} was lost while we worked. Nothing more is written; the next pass goes on from what it finds.`,
    { namespace, lease: name },
  );
}
