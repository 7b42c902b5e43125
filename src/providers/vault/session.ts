import type { SecretValue } from "../../core/secretValue.ts";
import { HelmwardenError, toHelmwardenError } from "../../errors.ts";
import type { AuthClient, Login } from "./authClient.ts";
import { createLoginGate } from "./loginGate.ts";
import type { VaultDeps } from "./options.ts";
import { keepRenewing } from "./renewal.ts";
import type { TokenState } from "./schema.ts";
import { singleFlight } from "../singleFlight.ts";

/** A token in use, or one that was. Its identity tells it from the next one. */
export interface HeldToken {
  readonly value: SecretValue;
}

interface Held extends HeldToken {
  readonly login: Login;
  readonly since: number;
  /** Monotonic milliseconds; Infinity while not known. */
  expiresAt: number;
  /** Nobody can lengthen its life any more, as far as we know. */
  isFinal: boolean;
  readonly end: AbortController;
}

/** A token just made is not doubted: a path that is denied must not cause a login each time. */
const YOUNG_MS = 5_000;
/** A given token is looked up, so that it is renewed, only by a process that lives longer than this. */
const SETTLE_MS = 10_000;
const REVOKE_MS = 5_000;

/** Holds the one token that all calls to a Vault use: in memory, renewed, replaced, revoked. */
export class Session {
  readonly #client: AuthClient;
  readonly #subject: string;
  readonly #deps: VaultDeps;
  readonly #life = new AbortController();
  readonly #start: (signal: AbortSignal) => Promise<Held>;
  #held: Held | undefined;

  constructor(client: AuthClient, subject: string, deps: VaultDeps) {
    this.#client = client;
    this.#subject = subject;
    this.#deps = deps;
    const login = createLoginGate((signal) => client.login(signal), deps.clock);
    this.#start = singleFlight(async (signal) => this.#hold(await login(signal)), this.#life.signal);
  }

  /** The token, after a login if there is none that is good. One login at a time, however many ask. */
  token(signal: AbortSignal): Promise<HeldToken> {
    if (this.#held !== undefined && this.#isSpent(this.#held)) this.#drop(this.#held);
    if (this.#held !== undefined) return Promise.resolve(this.#held);
    return this.#start(signal);
  }

  /** After a 403: another token, or undefined when this one is good and thus its policy says no. */
  async replace(refused: HeldToken, signal: AbortSignal): Promise<HeldToken | undefined> {
    const held = this.#held;
    if (held === undefined || held !== refused) return this.token(signal);
    if (held.login.made && this.#deps.clock.monotonic() - held.since < YOUNG_MS) return undefined;
    if ((await this.#client.lookup(held.value, signal)) !== undefined) return undefined;
    this.#drop(held);
    const next = await this.token(signal);
    if (!next.value.equals(held.value)) return next;
    throw new HelmwardenError(
      "StoreDenied",
      `${this.#subject} does not take our token: it is wrong, revoked or expired. Give it a new one.`,
    );
  }

  /** In how many milliseconds a token ends that we were given, and that will not be renewed; undefined: none known. */
  endsInMs(): number | undefined {
    const held = this.#held;
    if (held === undefined || held.login.made || !held.isFinal || held.expiresAt === Infinity) return undefined;
    return held.expiresAt - this.#deps.clock.monotonic();
  }

  /** Ends renewal and revokes a token that we made. Never rejects. */
  async close(): Promise<void> {
    this.#life.abort();
    const held = this.#held;
    this.#held = undefined;
    if (held?.login.made !== true) return;
    await this.#client.revoke(held.value, AbortSignal.timeout(REVOKE_MS)).catch((caught: unknown) => {
      const { code } = toHelmwardenError(caught);
      this.#deps.log.warn("could not revoke our Vault token; it ends by itself", { code });
    });
  }

  #hold(login: Login): Held {
    const since = this.#deps.clock.monotonic();
    const expiresAt = login.ttlMs > 0 ? since + login.ttlMs : Infinity;
    const held: Held = { value: login.token, login, since, expiresAt, isFinal: false, end: new AbortController() };
    this.#held = held;
    if (login.made) this.#deps.log.info("logged in to Vault", { ttlMs: login.ttlMs, renewable: login.renewable });
    void this.#renewWhileHeld(held);
    return held;
  }

  async #renewWhileHeld(held: Held): Promise<void> {
    const life = AbortSignal.any([this.#life.signal, held.end.signal]);
    const state = held.login.made ? held.login : await this.#settledState(held, life);
    if (state === undefined) return;
    if (state.ttlMs > 0) held.expiresAt = this.#deps.clock.monotonic() + state.ttlMs;
    const renew = (signal: AbortSignal): Promise<TokenState | undefined> => this.#client.renew(held.value, signal);
    const renewed = (expiresAt: number): void => {
      held.expiresAt = expiresAt;
      this.#deps.log.debug("renewed our Vault token");
    };
    await keepRenewing(state, renew, renewed, this.#deps, life);
    held.isFinal = true;
  }

  async #settledState(held: Held, life: AbortSignal): Promise<TokenState | undefined> {
    try {
      await this.#deps.clock.sleep(SETTLE_MS, life);
      return await this.#client.lookup(held.value, life);
    } catch {
      return undefined;
    }
  }

  #isSpent(held: Held): boolean {
    const margin = Math.min(5_000, held.login.ttlMs / 10);
    return this.#deps.clock.monotonic() >= held.expiresAt - margin;
  }

  #drop(held: Held): void {
    held.end.abort();
    if (this.#held === held) this.#held = undefined;
  }
}
