import { HelmwardenError, toHelmwardenError } from "../errors.ts";
import type { Clock, Log, Store } from "../ports.ts";

export interface EventListener {
  /** The connection stands: what moves from here on is told. */
  readonly opened: () => void;
  /** The path that moved; undefined: something did. */
  readonly moved: (path: string | undefined) => void;
}

/** One connection to a server's events, until it ends; "none": it says that it has none for us. Throws HelmwardenError. */
export type Listen = (listener: EventListener, signal: AbortSignal) => Promise<"ended" | "none">;

export interface ListeningDeps {
  /** Its name, for the log. */
  readonly store: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly random?: (() => number) | undefined;
  readonly onStanding?: ((stands: boolean) => void) | undefined;
}

const FIRST_MS = 1_000;
const CAP_MS = 60_000;
/** A connection that stood for so long was a good one; a shorter one counts as one more failure. */
const STEADY_MS = 60_000;

/**
 * Keeps one connection as Store.watchEvents promises. Nothing is replayed by any server, so that each new connection
 * begins with "something moved".
 */
export async function keepListening(
  listen: Listen,
  onEvent: Parameters<NonNullable<Store["watchEvents"]>>[0],
  { store, clock, log, random = Math.random, onStanding = () => undefined }: ListeningDeps,
  signal: AbortSignal,
): Promise<void> {
  let said = false;
  for (let failures = 1; !signal.aborted; failures += 1) {
    let openedAt: number | undefined;
    const opened = (): void => {
      openedAt = clock.monotonic();
      log.info("the store tells us what moves", { store });
      onStanding(true);
      onEvent(undefined);
    };
    const end = await listen({ opened, moved: onEvent }, signal).catch(toHelmwardenError);
    onStanding(false);
    if (signal.aborted) return;
    if (end === "none") return log.warn("the store has no events for us, so that it is only polled", { store });
    if (openedAt !== undefined && clock.monotonic() - openedAt >= STEADY_MS) {
      failures = 1;
      said = false;
    }
    if (end instanceof HelmwardenError) {
      const fields = { store, code: end.code, advice: end.message };
      log[said ? "debug" : "warn"]("the store does not tell us what moves; polling goes on", fields);
      said = true;
    }
    await clock.sleep(pauseMs(failures, end, random), signal).catch(() => undefined);
  }
}

/** Exponential, of each step between half and whole; at least as long as the server asks for. */
function pauseMs(failures: number, end: unknown, random: () => number): number {
  const step = Math.min(CAP_MS, FIRST_MS * 2 ** (failures - 1));
  const asked = end instanceof HelmwardenError ? end.detail["retryAfterMs"] : undefined;
  return Math.max(step * (0.5 + random() / 2), typeof asked === "number" ? asked : 0);
}
