import { createHmac } from "node:crypto";
import type { Received } from "./keyService.ts";

/** Is it signed with the secret, as docs/rotation-targets.md says, and less than five minutes old? */
export function signs(secret: string, { headers, body }: Received, now = Date.now()): boolean {
  const [, time = "", hex] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers["x-helmwarden-signature"])) ?? [];
  const wanted = createHmac("sha256", secret).update(`${time}.${body}`).digest("hex");
  return hex === wanted && Math.abs(now / 1000 - Number(time)) < 300;
}
