import { randomBytes } from "node:crypto";
import { chmod, link, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { DigestKey } from "./core/digest.ts";
import { HelmwardenError } from "./errors.ts";

const KEY_BYTES = 32;

/** A key from what the configuration names: its bytes, at least 16 of them. Throws ConfigInvalid. */
export function digestKeyOf(bytes: Uint8Array): DigestKey {
  if (bytes.length >= KEY_BYTES / 2) return bytes as DigestKey;
  throw new HelmwardenError(
    "ConfigInvalid",
    "`digestKey` is shorter than 16 bytes: short keys can be guessed. Make one with `openssl rand -hex 32`.",
  );
}

/**
 * The key beside the audit log (`<audit file>.key`, mode 0600): the digests of both belong together. Made where there
 * is none. Throws AuditUnavailable.
 */
export async function digestKeyBeside(auditFile: string): Promise<DigestKey> {
  const present = await presentDigestKey(auditFile);
  if (present !== undefined) return present;
  const path = keyFile(auditFile);
  try {
    return digestKeyOf(await createOnce(path, randomBytes(KEY_BYTES)));
  } catch {
    throw new HelmwardenError(
      "AuditUnavailable",
      `The digest key ${path} cannot be made. Set \`audit.file\` to a folder that may be written, or set \`digestKey\`.`,
    );
  }
}

/** The same, undefined where there is none yet: nothing is made. Throws ConfigInvalid. */
export async function presentDigestKey(auditFile: string): Promise<DigestKey | undefined> {
  const present = await readFile(keyFile(auditFile)).catch(() => undefined);
  return present === undefined ? undefined : digestKeyOf(present);
}

/** For one run of a plan, which writes nothing. */
export function keyOfThisRun(): DigestKey {
  return digestKeyOf(randomBytes(KEY_BYTES));
}

function keyFile(auditFile: string): string {
  return `${auditFile}.key`;
}

/** Whole or not at all, and the first of two processes wins: written aside, then linked into place. */
async function createOnce(path: string, key: Buffer): Promise<Buffer> {
  const aside = await mkdtemp(join(dirname(path), ".helmwarden-"));
  try {
    const coming = join(aside, "key");
    await writeFile(coming, key, { mode: 0o600, flush: true });
    await chmod(coming, 0o600);
    await link(coming, path).catch(() => undefined);
    return await readFile(path);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}
