import type { Digest } from "./digest.ts";

/** Version of the record's form; a reader refuses one it does not know. */
export const AUDIT_FORMAT = 1;

/** One change of one value path (or Secret key), by digest. `from` is absent where nothing was there. */
export interface AuditChange {
  readonly path: string;
  readonly from?: Digest;
  readonly to: Digest;
  /** Where the value comes from: `store:path#key@version`, several for a template. */
  readonly sources: readonly string[];
}

/**
 * What is written before (`intent`) and after (`result`) each change. The sink adds sequence, time and the hash
 * chain. Never a value.
 */
export interface AuditRecord {
  readonly kind: "intent" | "result";
  readonly action:
    | "upgrade"
    | "restore"
    | "scrub"
    | "adopt"
    | "apply"
    | "correct"
    | "recover"
    | "handOver"
    | "delete"
    | "rotation.create"
    | "rotation.set"
    | "rotation.undo"
    | "rotation.finish"
    | "rotation.rollBack"
    | "rotation.retire";
  readonly run: string;
  readonly subject: string;
  /**
   * Helm revision (release) or resourceVersion (Secret) that the change builds on, then the one that it made; of a
   * rotation, its name.
   */
  readonly base: string;
  readonly changes: readonly AuditChange[];
  readonly outcome?: string;
  readonly reason?: string;
}
