import { hold } from "../core/hold.ts";
import { ownObjectName } from "../core/objectNames.ts";
import type { Outcome } from "../core/outcome.ts";
import type { Subject } from "../ports.ts";
import type { ReleasePorts } from "./releasePorts.ts";

/** Longer than the Lease of a holder that was killed lives on (15 s), so that a person who starts again goes on. */
const WAIT_MS = 30_000;
const LOOK_MS = 500;

/**
 * Does the work while the subject's Lease is ours, so that a person's pass and a daemon's never write it at once.
 * Waits for it up to 30 s, and holds with the name of whoever has it then. `held` aborts when the Lease is lost;
 * `waited`: what was seen before is old. Where
 * there is `leaving`, the result comes before the Lease has been given back, and that is for the caller to wait for.
 */
export async function underLease<T>(
  { cluster, clock }: Pick<ReleasePorts, "cluster" | "clock">,
  subject: Subject,
  work: (held: AbortSignal, waited: boolean) => Promise<T>,
  signal: AbortSignal,
  leaving?: Promise<unknown>[],
): Promise<T | (Outcome & { kind: "held" })> {
  const lease = { namespace: subject.namespace, name: ownObjectName(subject) };
  const deadline = clock.monotonic() + WAIT_MS;
  for (let waited = false; ; waited = true) {
    const isLate = waited;
    const done = Promise.withResolvers<{ readonly kind: "held"; readonly result: T }>();
    const lent = cluster.withLease(
      lease,
      async (held) => {
        const result = await work(held, isLate);
        if (leaving !== undefined) done.resolve({ kind: "held", result });
        return result;
      },
      signal,
    );
    const taken = await Promise.race([lent, done.promise]);
    leaving?.push(lent);
    if (taken.kind === "held") return taken.result;
    if (clock.monotonic() >= deadline) return lockedBy(lease, taken.by);
    await clock.sleep(LOOK_MS, signal);
  }
}

function lockedBy(
  { namespace, name }: { namespace: string; name: string },
  holder: string,
): Outcome & { kind: "held" } {
  const message = `${holder} (host, process, run) is at work on it and holds this Lease; nothing more was done here. Run it again when that has ended; \`kubectl get lease -n ${namespace} ${name}\` tells. The Lease of a process that has died ends by itself.`;
  return { kind: "held", holds: [hold("locked", `Lease/${name}`, message)], changes: [] };
}
