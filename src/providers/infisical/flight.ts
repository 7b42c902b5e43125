import { cancelled } from "../httpFaults.ts";

/** Waits for `work`, but no longer than the signal allows; the work itself goes on. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal, subject: string): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(cancelled(subject));
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Runs `work` once for all who ask while it runs; each of them may give up alone. */
export function singleFlight<T>(work: () => Promise<T>, subject: string): (signal: AbortSignal) => Promise<T> {
  let flight: Promise<T> | undefined;
  return (signal) => {
    flight ??= work().finally(() => (flight = undefined));
    return unlessAborted(flight, signal, subject);
  };
}
