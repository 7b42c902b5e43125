/** Why a change is not made. Each reason is something a person can act on. */
export type HoldReason =
  | "missing"
  | "empty"
  | "hidden"
  | "notText"
  | "unsafeValue"
  | "tooLarge"
  | "typeClash"
  | "notDeployed"
  | "locked"
  | "chartMoved"
  | "owner"
  | "regeneration"
  | "ignored"
  | "statefulCredential"
  | "notRotatable"
  | "immutable"
  | "otherType"
  | "suspicious"
  | "stalled"
  | "rollout";

/** One reason, where it applies, and what to do. Texts hold names and sizes, never values. */
export interface Hold {
  readonly reason: HoldReason;
  /** The value path, object or owner concerned. */
  readonly where: string;
  readonly message: string;
}

export function hold(reason: HoldReason, where: string, message: string): Hold {
  return { reason, where, message };
}
