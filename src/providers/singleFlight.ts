import { HelmwardenError } from "../errors.ts";

/**
 * Work that runs once at a time: all who ask meanwhile share its outcome. It ends with `life`; the abort of one
 * caller ends only that caller's waiting (Cancelled).
 */
export function singleFlight<T>(
  work: (signal: AbortSignal) => Promise<T>,
  life: AbortSignal,
): (signal: AbortSignal) => Promise<T> {
  let running: Promise<T> | undefined;
  return (signal) => {
    running ??= work(life).finally(() => (running = undefined));
    return unlessAborted(running, signal);
  };
}

/** The outcome of `work`, or Cancelled when the signal aborts first; the work itself goes on. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new HelmwardenError("Cancelled", "The work was cancelled. Run it again."));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    void work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
