import type { ErrorCode } from "../errors.ts";
import type { Hold } from "./hold.ts";
import type { Change } from "./plan.ts";

/** What came of one pass over one release or Secret. */
export type Outcome =
  | { readonly kind: "inSync" }
  | { readonly kind: "suspended" }
  /** The wanted values were there already; it is on record now. */
  | { readonly kind: "adopted" }
  /** Only from `plan`: what `sync` would do. */
  | {
      readonly kind: "pending";
      readonly action: "adopt" | "upgrade" | "apply";
      readonly why: string;
      readonly changes: readonly Change[];
    }
  | {
      readonly kind: "changed";
      readonly why: "outdated" | "drift" | "repair" | "missing";
      readonly revision: number;
      readonly changes: readonly Change[];
      readonly restarted: readonly string[];
    }
  | { readonly kind: "held"; readonly holds: readonly Hold[]; readonly changes: readonly Change[] }
  /** It no longer holds what the store says although the store did not change, and `drift: report` leaves it so. */
  | { readonly kind: "drifted"; readonly where: readonly string[] }
  /** Live Secret keys that somebody had changed hold what the release says again. */
  | { readonly kind: "corrected"; readonly where: readonly string[]; readonly restarted: readonly string[] }
  /** The upgrade went through and the app did not: the previous values are back. */
  | {
      readonly kind: "restored";
      readonly revision: number;
      readonly reason: string;
      readonly changes: readonly Change[];
    }
  /** The upgrade went through and a live Secret does not hold the new value. */
  | {
      readonly kind: "ineffective";
      readonly revision: number;
      readonly reason: string;
      readonly changes: readonly Change[];
    }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };

/** Exit codes of `plan` and `sync`: 0 in sync, 1 a fault, 2 changes pending or held. */
export function exitCodeOf(outcomes: readonly Outcome[]): 0 | 1 | 2 {
  const kinds = new Set(outcomes.map(({ kind }) => kind));
  if (kinds.has("failed") || kinds.has("restored") || kinds.has("ineffective")) return 1;
  return kinds.has("pending") || kinds.has("held") || kinds.has("drifted") ? 2 : 0;
}
