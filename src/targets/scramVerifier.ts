import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import type { SecretValue } from "../core/secretValue.ts";

/** PostgreSQL's own count. */
const ITERATIONS = 4_096;

/** What SASLprep (RFC 4013) turns into a space, or drops; and NUL, which no client can send. */
const PREPARED = /[\0\u1806\p{Default_Ignorable_Code_Point}]|(?! )\p{Space_Separator}/u;

/**
 * What PostgreSQL stores of a password (SCRAM-SHA-256, RFC 5803): given as the password in ALTER ROLE, it is kept as it
 * is, and the password itself reaches neither the server nor its log. Undefined: no text, empty, or clients would not
 * all make the same of it, as some prepare it and some do not.
 */
export function scramVerifier(password: SecretValue, salt: Buffer = randomBytes(16)): string | undefined {
  const text = password.reveal();
  if (text === "" || !password.isText || PREPARED.test(text) || text.normalize("NFKC") !== text) return undefined;
  const salted = pbkdf2Sync(text, salt, ITERATIONS, 32, "sha256");
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  const storedKey = createHash("sha256").update(clientKey).digest("base64");
  const serverKey = createHmac("sha256", salted).update("Server Key").digest("base64");
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString("base64")}$${storedKey}:${serverKey}`;
}
