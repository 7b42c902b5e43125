import { createHmac } from "node:crypto";
import type { SecretValue } from "../core/secretValue.ts";

export const SIGNATURE_HEADER = "x-helmwarden-signature";

/**
 * `t=<seconds since 1970>,v1=<hex>`: an HMAC-SHA256 of the time, a dot and the body as it is sent. Who takes it compares
 * in constant time, and refuses what is older than a few minutes.
 */
export function signatureOf(secret: SecretValue, at: Date, body: string): string {
  const time = Math.floor(at.getTime() / 1000);
  const hex = createHmac("sha256", secret.revealBytes()).update(`${time}.${body}`).digest("hex");
  return `t=${time},v1=${hex}`;
}
