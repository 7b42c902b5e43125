import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { SecretValue } from "../core/secretValue.ts";
import { HelmwardenError } from "../errors.ts";

/** Replaces a file as a whole, or not at all; the folder is made. ConfigInvalid where it cannot be written. */
export async function replaceText(path: string, text: string): Promise<void> {
  const part = `${path}.part`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(part, "w", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, path);
  } catch {
    await rm(part, { force: true });
    throw new HelmwardenError(
      "ConfigInvalid",
      `${path} cannot be written. See its folder, and whether the disk is full.`,
    );
  }
}

/** A new file with a key, mode 0600; never over another one. */
export async function writeKeyFile(path: string, identity: SecretValue, recipient: string): Promise<void> {
  try {
    const file = await open(path, "wx", 0o600);
    try {
      await file.writeFile(`# public key: ${recipient}\n${identity.reveal()}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch {
    throw new HelmwardenError("UsageInvalid", `The key file ${path} cannot be made. Name one that is not there yet.`);
  }
}

/** A file that holds a passphrase or identities; newlines at its end are not part of it. */
export async function readKeyFile(path: string): Promise<SecretValue> {
  try {
    return SecretValue.fromText((await readFile(path, "utf8")).replace(/[\r\n]+$/, ""));
  } catch {
    throw new HelmwardenError("UsageInvalid", `The file ${path} cannot be read.`);
  }
}

/** Overwrites a file once and removes it. On SSDs and copy-on-write file systems the old blocks may remain. */
export async function destroyFile(path: string): Promise<void> {
  try {
    const file = await open(path, "r+");
    try {
      await file.write(randomBytes((await file.stat()).size), 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await rm(path);
  } catch {
    throw new HelmwardenError(
      "UsageInvalid",
      `The file ${path} cannot be removed. See whether it is there, and its permissions.`,
    );
  }
}
