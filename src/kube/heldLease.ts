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
  let { record, provenAt } = claim;
  const lost = new AbortController();
  const ended = new AbortController();

  const timeLeft = (): number => Math.max(0, provenAt + (durationMs * 2) / 3 - clock.monotonic());
  let isLost = false;
  const lose = (why: string): void => {
    if (isLost || ended.signal.aborted) return;
    isLost = true;
    log.warn("A lease was lost, and the work under it stops", { namespace: id.namespace, lease: id.name, why });
    lost.abort(lostLease(id));
  };
  const isOurs = (): boolean => {
    if (timeLeft() === 0) lose("it could not be renewed in time");
    return !isLost;
  };
  // A process that was paused runs what was ready before its timers, so a timer alone would tell too late: whoever
  // looks at this signal, or derives another from one that has it among its sources, asks the clock at that moment.
  Object.defineProperty(lost.signal, "aborted", { get: () => !isOurs() });

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
    while (isOurs()) {
      await clock.sleep(Math.min(wait, timeLeft()), ended.signal).catch(() => {});
      if (ended.signal.aborted) return;
      if (isOurs()) wait = (await renewOnce()) ? durationMs / 3 : durationMs / 15;
    }
  };

  const renewing = renew();
  return {
    held: AbortSignal.any([signal, lost.signal]),
    async release() {
      ended.abort();
      await renewing;
      // If it cannot be had now, it expires by itself.
      return isLost
        ? undefined
        : await update("", AbortSignal.timeout(Math.ceil(durationMs / 3))).catch(() => undefined);
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

function lostLease({ namespace, name }: LeaseId): HelmwardenError {
  return new HelmwardenError(
    "ReleaseConflict",
    `The lease ${name} in namespace ${namespace} was lost while we worked. Nothing more is written; the next pass goes on from what it finds.`,
    { namespace, lease: name },
  );
}
