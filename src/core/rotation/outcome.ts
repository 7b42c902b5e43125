import type { ErrorCode } from "../../errors.ts";

/** What came of one try to rotate. */
export type RotationOutcome =
  | { readonly kind: "notDue" }
  /** Nothing was changed, and a person has to act first. */
  | { readonly kind: "refused"; readonly message: string }
  /** The new value is current, and the old one is gone. */
  | { readonly kind: "rotated"; readonly message: string }
  /** The new value is current; the old one still works, as somebody may use it. */
  | { readonly kind: "waiting"; readonly message: string }
  /** The same, and it is not only a matter of time: a dependent did not take the new value, or is not let in with it. */
  | { readonly kind: "unfinished"; readonly message: string }
  /** The old value is current again, everywhere. */
  | { readonly kind: "rolledBack"; readonly message: string }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };
