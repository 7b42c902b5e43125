import type { BackupKey, BackupLock } from "../core/migration/backup.ts";
import { SecretValue } from "../core/secretValue.ts";
import { HelmwardenError } from "../errors.ts";
import type { MigrationFiles } from "../ports.ts";
import type { Terminal } from "./context.ts";

/** Who may open the backup; commander's options. */
export interface LockOptions {
  readonly recipient?: readonly string[];
  readonly newKey?: string;
  readonly passphraseFile?: string;
}

const SHORTEST = 12;

/** The lock that the options name; else a passphrase is asked for, twice. UsageInvalid where nobody can be asked. */
export async function chooseLock(
  options: LockOptions,
  files: MigrationFiles,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<BackupLock> {
  if (options.newKey !== undefined) {
    const { identity, recipient } = await files.backups.newIdentity();
    await files.writeKeyFile(options.newKey, identity, recipient);
    terminal.err(`The key of the backup is in ${options.newKey}: keep it, and not beside the backup.\n`);
    return { kind: "recipients", recipients: [recipient, ...(options.recipient ?? [])] };
  }
  if (options.recipient !== undefined) return { kind: "recipients", recipients: options.recipient };
  if (options.passphraseFile !== undefined) return locked(await files.readKeyFile(options.passphraseFile));
  if (terminal.ask === undefined) {
    throw new HelmwardenError(
      "UsageInvalid",
      "Say who may open the backup: --recipient age1…, --new-key FILE or --passphrase-file FILE.",
    );
  }
  const first = await terminal.ask("Passphrase for the backup: ", true, signal);
  const second = await terminal.ask("Once more: ", true, signal);
  if (first !== second) throw new HelmwardenError("UsageInvalid", "The two passphrases differ. Begin again.");
  return locked(SecretValue.fromText(first));
}

/** What opens a backup: an identity file, a file with the passphrase, or what is typed. */
export async function chooseKey(
  options: { readonly identity?: string; readonly passphraseFile?: string },
  files: MigrationFiles,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<BackupKey> {
  if (options.identity !== undefined) return { kind: "identities", file: await files.readKeyFile(options.identity) };
  if (options.passphraseFile !== undefined) {
    return { kind: "passphrase", passphrase: await files.readKeyFile(options.passphraseFile) };
  }
  if (terminal.ask === undefined) {
    throw new HelmwardenError("UsageInvalid", "Say what opens the backup: --identity FILE or --passphrase-file FILE.");
  }
  const typed = await terminal.ask("Passphrase of the backup: ", true, signal);
  return { kind: "passphrase", passphrase: SecretValue.fromText(typed) };
}

function locked(passphrase: SecretValue): BackupLock {
  if (passphrase.byteLength >= SHORTEST) return { kind: "passphrase", passphrase };
  throw new HelmwardenError(
    "UsageInvalid",
    `A passphrase of less than ${SHORTEST} characters can be guessed. Choose a longer one.`,
  );
}

/** Goes on at a yes: given by --yes, or typed. */
export async function confirm(
  question: string,
  yes: boolean,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<boolean> {
  if (yes) return true;
  if (terminal.ask === undefined) {
    throw new HelmwardenError(
      "UsageInvalid",
      "This changes something, and there is no terminal to ask at. Give --yes.",
    );
  }
  return /^y(es)?$/i.test((await terminal.ask(`${question} [yes/no]`, false, signal)).trim());
}
