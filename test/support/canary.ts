import { randomBytes } from "node:crypto";

/** Starts every secret of every test; the run ends by searching for it wherever no secret belongs. */
export const CANARY = "hwcanary";

/** A secret for a test: letters, digits and dashes only, different at each call. */
export function canary(name: string): string {
  return `${CANARY}-${name}-${randomBytes(8).toString("hex")}`;
}
