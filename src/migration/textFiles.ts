import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { SecretValue } from "../core/secretValue.ts";
import { HelmwardenError } from "../errors.ts";

/** Replaces a file as a whole, or not at all; the folder is made. ConfigInvalid where it cannot be written. */
export async function replaceText(path: string, text: string, mode = 0o600): Promise<void> {
  const part = `${path}.part`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(part, "w", mode);
    try {
      await file.chmod(mode);
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

/** A file of the user's. ConfigInvalid where it cannot be read. */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch {
    throw new HelmwardenError("ConfigInvalid", `The file ${path} cannot be read.`);
  }
}

/** As replaceText, with the mode that the file has; where it is a link, what that leads to. */
export async function rewriteText(path: string, text: string): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const mode = await stat(target).then(
    (found) => found.mode & 0o777,
    () => 0o600,
  );
  await replaceText(target, text, mode);
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

/**
 * Overwrites a file once and removes it; one that is gone already is well. On SSDs and copy-on-write file systems the
 * old blocks may remain. UsageInvalid where it cannot be removed.
 */
export async function destroyFile(path: string): Promise<void> {
  try {
    if ((await stat(path).catch(isMissing)) === true) return;
    const file = await open(path, "r+");
    try {
      await file.write(randomBytes((await file.stat()).size), 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await rm(path);
  } catch {
    throw new HelmwardenError("UsageInvalid", `The file ${path} cannot be removed. See its permissions.`);
  }
}

function isMissing(fault: unknown): boolean {
  return fault instanceof Error && "code" in fault && fault.code === "ENOENT";
}
