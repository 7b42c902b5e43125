import { type Hold, hold } from "./hold.ts";

/** When something was put back after somebody else had changed it, oldest first; ISO 8601, UTC. Kept in the status record. */
export type PutBacks = readonly string[];

/** The same thing put back so often within this is a fight with another controller. */
const OFTEN = 3;
const WITHIN_MS = 10 * 60_000;

/** No more than tells a fight is kept. */
export function afterPutBack(before: PutBacks | undefined, now: Date): PutBacks {
  return [...recent(before, now), now.toISOString()].slice(-OFTEN);
}

/** The hold, where it was put back so often that it is not to be again for now. */
export function fightHold(putBacks: PutBacks | undefined, now: Date, where: string): Hold | undefined {
  if (recent(putBacks, now).length < OFTEN) return undefined;
  return hold(
    "owner",
    where,
    "What helmwarden put back was changed again three times within ten minutes: another controller owns it. Find it (`kubectl get secret --show-managed-fields`, GitOps, an operator), or set `drift: report`. It is tried again ten minutes after the first of the three.",
  );
}

function recent(putBacks: PutBacks = [], now: Date): PutBacks {
  return putBacks.filter((at) => now.getTime() - Date.parse(at) < WITHIN_MS);
}
