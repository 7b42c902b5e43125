import { HelmwardenError, toHelmwardenError } from "../../errors.ts";
import type { TokenState } from "./schema.ts";
import type { VaultDeps } from "./options.ts";

const FIRST_RETRY_MS = 10_000;
const LONGEST_RETRY_MS = 300_000;
/** A renewal that gains less than this has met the token's maximum. */
const LEAST_GAIN_MS = 1_000;

/**
 * Renews a token when 60 to 70 % of its life is over, again and again, and tells its new end (monotonic, ms) each
 * time. A failed renewal is tried again with growing delays until the token ends. Resolves when nothing is left to
 * do: the token cannot be lengthened, Vault will not renew it, or `life` ended. Never rejects.
 */
export async function keepRenewing(
  state: TokenState,
  renew: (signal: AbortSignal) => Promise<TokenState | undefined>,
  onRenewed: (expiresAt: number) => void,
  deps: VaultDeps,
  life: AbortSignal,
): Promise<void> {
  const random = deps.random ?? Math.random;
  const now = (): number => deps.clock.monotonic();
  let current = state;
  let expiresAt = now() + current.ttlMs;
  try {
    while (current.renewable && current.ttlMs > 0) {
      await deps.clock.sleep((expiresAt - now()) * (0.6 + 0.1 * random()), life);
      const renewed = await renewUntil(expiresAt);
      if (renewed === undefined || now() + renewed.ttlMs - expiresAt < LEAST_GAIN_MS) return;
      current = renewed;
      expiresAt = now() + renewed.ttlMs;
      onRenewed(expiresAt);
    }
  } catch {
    // Only sleep rejects, when `life` ends.
  }

  async function renewUntil(end: number): Promise<TokenState | undefined> {
    for (let longest = FIRST_RETRY_MS; ; longest = Math.min(longest * 2, LONGEST_RETRY_MS)) {
      const outcome = await renew(life).catch(toHelmwardenError);
      if (!(outcome instanceof HelmwardenError)) return outcome;
      const wait = longest * (0.5 + 0.5 * random());
      if (life.aborted || now() + wait >= end) return undefined;
      deps.log.warn("Vault did not renew our token; trying again", { code: outcome.code, waitMs: Math.round(wait) });
      await deps.clock.sleep(wait, life);
    }
  }
}
