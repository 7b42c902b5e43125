import { NO_DIGEST } from "../core/digest.ts";
import { toHelmwardenError } from "../errors.ts";
import type { Clock, Log, Subject } from "../ports.ts";
import type { Generation } from "./generation.ts";

/** What `helmwarden resume` writes on a store's status object, and what a daemon answers to. */
export const RESUMED = "resumed";
const SUSPICIOUS = "suspicious";

interface AlarmDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly namespace: string;
  readonly signal: AbortSignal;
}

/** Says once that a store lost too much, and listens for the person who says that it is right. */
export class StoreAlarms {
  readonly #deps: AlarmDeps;
  readonly #generation: () => Generation;
  readonly #since = new Map<string, string>();

  constructor(deps: AlarmDeps, generation: () => Generation) {
    this.#deps = deps;
    this.#generation = generation;
  }

  /** Called after each read. */
  look(store: string): void {
    const state = this.#generation().stores.get(store)?.state().state;
    if (state !== SUSPICIOUS) {
      this.#since.delete(store);
      return;
    }
    if (this.#since.has(store)) return;
    const at = this.#deps.clock.now().toISOString();
    this.#since.set(store, at);
    this.#deps.log.error("a store lost too much in one read: everything on it is held", {
      store,
      advice: `helmwarden resume ${store}`,
    });
    void this.#tell(store, at);
  }

  /** Has `helmwarden resume` been said since the loss was seen? */
  async isResumed(store: string, signal: AbortSignal): Promise<boolean> {
    const since = this.#since.get(store);
    if (since === undefined) return false;
    try {
      const ports = await this.#generation().app.portsOf("default");
      const record = await ports.cluster.statuses.get(storeSubject(this.#deps.namespace, store), signal);
      return record?.outcome === RESUMED && record.at > since;
    } catch (caught) {
      this.#deps.log.debug("the store's status could not be read", { store, code: toHelmwardenError(caught).code });
      return false;
    }
  }

  async #tell(store: string, at: string): Promise<void> {
    try {
      const ports = await this.#generation().app.portsOf("default");
      const subject = storeSubject(this.#deps.namespace, store);
      const reason = `held: too much has vanished; \`helmwarden resume ${store}\` if it is meant`;
      const record = {
        phase: "settled" as const,
        wanted: NO_DIGEST,
        revision: 0,
        outcome: SUSPICIOUS,
        reason,
        run: ports.run,
        at,
      };
      await ports.cluster.statuses.put(subject, record, this.#deps.signal);
      await ports.cluster.events.emit(subject, "Warning", "StoreSuspicious", reason, this.#deps.signal);
    } catch (caught) {
      this.#deps.log.warn("the store's status could not be written", { store, code: toHelmwardenError(caught).code });
    }
  }
}

export function storeSubject(namespace: string, store: string): Subject {
  return { kind: "Store", namespace, name: store };
}
