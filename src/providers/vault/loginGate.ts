import { toHelmwardenError } from "../../errors.ts";
import type { HelmwardenError } from "../../errors.ts";
import type { Clock } from "../../ports.ts";

const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 300_000;

/**
 * Guards a login against being tried at each call: after a refusal (StoreDenied) the same error is given for 5
 * seconds, then 10 and so on up to 5 minutes, as many refused logins lock a user out.
 */
export function createLoginGate<T>(login: (signal: AbortSignal) => Promise<T>, clock: Clock): typeof login {
  let refusal: { readonly error: HelmwardenError; readonly until: number; readonly pauseMs: number } | undefined;
  return async (signal) => {
    if (refusal !== undefined && clock.monotonic() < refusal.until) throw refusal.error;
    try {
      const granted = await login(signal);
      refusal = undefined;
      return granted;
    } catch (caught) {
      const error = toHelmwardenError(caught);
      if (error.code === "StoreDenied") {
        const pauseMs = refusal === undefined ? FIRST_PAUSE_MS : Math.min(refusal.pauseMs * 2, LONGEST_PAUSE_MS);
        refusal = { error, pauseMs, until: clock.monotonic() + pauseMs };
      }
      throw error;
    }
  };
}
