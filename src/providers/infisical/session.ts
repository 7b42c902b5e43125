import type { SecretValue } from "../../core/secretValue.ts";
import { type HelmwardenError, toHelmwardenError } from "../../errors.ts";
import { singleFlight } from "../singleFlight.ts";
import type { TokenCalls } from "./login.ts";
import type { InfisicalDeps } from "./options.ts";
import type { Grant } from "./schema.ts";

/** Three refused logins within 30 seconds lock an identity for five minutes, the right secret included. */
const LOCKOUT_MS = 300_000;
/** Logins that are refused for another reason, or that give tokens that nobody accepts, must not follow each other. */
const USELESS_MS = 60_000;

/** Keeps one token for all who read. It renews when asked, not on a timer: an idle store asks for nothing. */
export interface Session {
  /** A token that is good now: the one at hand, a renewed one after two thirds of its life, or a new login's. */
  token(signal: AbortSignal): Promise<SecretValue>;
  /** The server refused this token: the next one is from a login. */
  drop(token: SecretValue): void;
  /** A new login's token was refused as well: for a minute this error is the answer to all who ask. */
  rest(error: HelmwardenError): void;
  /** In how many milliseconds a token ends that we were given, and that was not renewed; undefined: none known. */
  endsInMs(): number | undefined;
  /** Ends the token if a login of ours made it. */
  close(): Promise<void>;
}

interface Held extends Grant {
  readonly renewAt: number;
  readonly endsAt: number;
}

export function createSession(calls: TokenCalls, deps: InfisicalDeps, life: AbortSignal): Session {
  const { clock, log } = deps;
  let held: Held | undefined;
  let isFinal = false;
  let refused: { readonly until: number; readonly error: HelmwardenError } | undefined;

  const obtain = singleFlight(async (signal) => {
    held = (await renewed(signal)) ?? keep(await login(signal));
    return held.token;
  }, life);

  async function renewed(signal: AbortSignal): Promise<Held | undefined> {
    const old = held;
    if (old === undefined || clock.monotonic() >= old.endsAt) return undefined;
    try {
      const grant = await calls.renew(old.token, signal);
      log.debug("renewed the store's token");
      isFinal = grant.lifeMs < old.lifeMs;
      // A shorter life means that the maximum is near: a login now saves ever shorter renewals.
      return grant.lifeMs < old.lifeMs && calls.makesTokens ? undefined : keep(grant);
    } catch {
      isFinal = true;
      return undefined;
    }
  }

  async function login(signal: AbortSignal): Promise<Grant> {
    if (refused !== undefined && clock.monotonic() < refused.until) throw refused.error;
    try {
      const grant = await calls.login(signal);
      log.debug("logged in to the store");
      refused = undefined;
      return grant;
    } catch (caught) {
      const error = toHelmwardenError(caught);
      if (isRefusal(error)) refuse(error, restMs(error) + (deps.random ?? Math.random)() * 10_000);
      throw error;
    }
  }

  const refuse = (error: HelmwardenError, ms: number): void =>
    void (refused = { until: clock.monotonic() + ms, error });

  const keep = (grant: Grant): Held => heldFrom(grant, clock.monotonic());

  return {
    async token(signal) {
      if (held !== undefined && clock.monotonic() < held.renewAt) return held.token;
      return obtain(signal);
    },
    drop(token) {
      if (held?.token === token) held = undefined;
    },
    rest: (error) => refuse(error, USELESS_MS),
    endsInMs() {
      const ends = held?.endsAt ?? Infinity;
      return calls.makesTokens || !isFinal || ends === Infinity ? undefined : ends - clock.monotonic();
    },
    async close() {
      const last = held;
      held = undefined;
      if (last === undefined || !calls.makesTokens || clock.monotonic() >= last.endsAt) return;
      // It ends by itself anyway.
      await calls.revoke(last.token, AbortSignal.timeout(2_000)).catch(() => undefined);
    },
  };
}

/** Said by Infisical itself, of this login: what a proxy answers for it may be over at once. */
function isRefusal({ code, detail }: HelmwardenError): boolean {
  return (code === "StoreDenied" || code === "StoreInvalid") && detail["status"] !== undefined;
}

function restMs({ detail }: HelmwardenError): number {
  return detail["status"] === 401 ? LOCKOUT_MS : USELESS_MS;
}

function heldFrom(grant: Grant, now: number): Held {
  return { ...grant, renewAt: now + (grant.lifeMs * 2) / 3, endsAt: now + grant.lifeMs };
}
