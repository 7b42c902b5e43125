import { createHash } from "node:crypto";
import { type FileHandle, link, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import type { BackupKey, BackupLock } from "../core/migration/backup.ts";
import type { SecretValue } from "../core/secretValue.ts";
import { HelmwardenError, toHelmwardenError } from "../errors.ts";

const IDENTITY = /^AGE-SECRET-KEY-1[0-9A-Z]+$/;

/**
 * Encrypts what `plain` yields into a new file, mode 0600, that the age command line opens too. On disk, opened again
 * and compared byte by byte (by SHA-256) when this returns; it never was on disk in clear. For recipients that only
 * others have the keys of, the file is opened by a key that is made for this once and forgotten. No file remains after
 * a fault (BackupInvalid).
 */
export async function writeAgeFile(
  path: string,
  plain: () => Iterable<Buffer>,
  lock: BackupLock,
  signal: AbortSignal,
): Promise<{ readonly sha256: string }> {
  const { Encrypter, Decrypter, generateX25519Identity, identityToRecipient } = await import("age-encryption");
  const encrypter = new Encrypter();
  const decrypter = new Decrypter();
  if (lock.kind === "passphrase") {
    encrypter.setPassphrase(lock.passphrase.reveal());
    decrypter.addPassphrase(lock.passphrase.reveal());
  } else {
    const once = await generateX25519Identity();
    for (const recipient of lock.recipients) addRecipient(encrypter, recipient);
    encrypter.addRecipient(await identityToRecipient(once));
    decrypter.addIdentity(once);
  }
  // What a crash leaves of it is overwritten by the next one.
  const part = `${path}.part`;
  const file = await attempt(path, "made", () => open(part, "w", 0o600));
  try {
    const written = createHash("sha256");
    await attempt(path, "written", async () => {
      await store(file, await encrypter.encrypt(webStream(hashing(plain(), written))), signal);
      await file.sync();
    });
    await file.close();
    const found = createHash("sha256");
    for await (const chunk of decrypted(part, decrypter)) {
      signal.throwIfAborted();
      found.update(chunk);
    }
    const sha256 = written.digest("hex");
    if (found.digest("hex") !== sha256) {
      throw invalid(path, "does not hold what was written. See whether its disk is well");
    }
    await attempt(path, "made", () => link(part, path));
    await attempt(path, "written", () => syncFolder(dirname(path)));
    return { sha256 };
  } catch (caught) {
    await file.close().catch(() => undefined);
    throw toHelmwardenError(caught);
  } finally {
    await rm(part, { force: true });
  }
}

/** Decrypts a file. BackupInvalid for a wrong key, and for a file that was changed or cut: trust nothing before the end. */
export async function* readAgeFile(path: string, key: BackupKey): AsyncGenerator<Uint8Array> {
  const { Decrypter } = await import("age-encryption");
  const decrypter = new Decrypter();
  if (key.kind === "passphrase") decrypter.addPassphrase(key.passphrase.reveal());
  else for (const identity of identitiesIn(key.file.reveal())) decrypter.addIdentity(identity);
  yield* decrypted(path, decrypter);
}

/** Whether a file holds one age identity, and not none or somebody's collection of them. */
export function holdsOneIdentity(file: SecretValue): boolean {
  return wordsOfKeys(file.reveal()).length === 1;
}

/** A new age identity and its recipient. */
export async function newIdentity(): Promise<{ readonly identity: string; readonly recipient: string }> {
  const { generateX25519Identity, identityToRecipient } = await import("age-encryption");
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

interface Decrypts {
  decrypt(file: ReadableStream<Uint8Array>): Promise<ReadableStream<Uint8Array>>;
}

async function* decrypted(path: string, decrypter: Decrypts): AsyncGenerator<Uint8Array> {
  const file = await attempt(path, "opened", () => open(path, "r"));
  try {
    const source: AsyncIterable<Buffer> = file.createReadStream({ autoClose: false });
    const plain = await decrypter.decrypt(webStream(source));
    for await (const chunk of plain) yield chunk;
  } catch {
    throw invalid(
      path,
      "cannot be opened: it is not for this key or passphrase, or it was changed or cut. Give the right key, or another copy",
    );
  } finally {
    await file.close();
  }
}

function addRecipient(encrypter: { addRecipient(recipient: string): void }, recipient: string): void {
  try {
    encrypter.addRecipient(recipient);
  } catch {
    throw new HelmwardenError("UsageInvalid", `${JSON.stringify(recipient)} is no age recipient. It begins with age1.`);
  }
}

function identitiesIn(text: string): string[] {
  const identities = wordsOfKeys(text);
  if (identities.length > 0) return identities;
  throw new HelmwardenError("UsageInvalid", "The identity file holds no AGE-SECRET-KEY-1… line. Name the right file.");
}

function wordsOfKeys(text: string): string[] {
  return text.split(/\s+/).filter((word) => IDENTITY.test(word));
}

async function store(file: FileHandle, stream: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<void> {
  for await (const chunk of stream) {
    signal.throwIfAborted();
    for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at)).bytesWritten;
  }
}

function* hashing(chunks: Iterable<Buffer>, hash: { update(chunk: Buffer): unknown }): Generator<Buffer> {
  for (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}

function webStream(chunks: Iterable<Buffer> | AsyncIterable<Buffer>): ReadableStream<Uint8Array> {
  return Readable.toWeb(Readable.from(chunks, { objectMode: true })) as ReadableStream<Uint8Array>;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function attempt<T>(path: string, doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (caught) {
    if (caught instanceof DOMException) throw toHelmwardenError(caught);
    const code: unknown = caught instanceof Error && "code" in caught ? caught.code : undefined;
    const why = typeof code === "string" ? (REASONS[code] ?? `the system answers ${code}`) : "the cause is unknown";
    throw invalid(path, `cannot be ${doing}: ${why}`);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EEXIST: "there is such a file already, and it is not touched",
  ENOENT: "there is no such file or folder",
  EACCES: "its permissions do not let us",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk is full",
  EFBIG: "it grows larger than files may be here",
};

function invalid(path: string, text: string): HelmwardenError {
  return new HelmwardenError("BackupInvalid", `The backup ${path} ${text}.`);
}
