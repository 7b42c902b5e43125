import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { SecretValue } from "../core/secretValue.ts";

const ONLY_HERE = randomBytes(32);

/** Is `header` the Authorization header that carries this token? Takes as long whatever is wrong with it. */
export function carriesToken(header: string | undefined, token: SecretValue): boolean {
  const given = /^Bearer +(\S+)$/i.exec(header ?? "")?.[1] ?? "";
  return timingSafeEqual(mac(given), mac(token.revealBytes()));
}

/** Of one length for all, so that not even the token's length can be told from the time. */
function mac(token: string | Buffer): Buffer {
  return createHmac("sha256", ONLY_HERE).update(token).digest();
}
