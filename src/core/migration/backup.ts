import type { JsonObject } from "../json.ts";
import type { Sealed, SecretValue } from "../secretValue.ts";
import type { RawSecret } from "./rawSecret.ts";

/** What a backup keeps. Its values are on disk only encrypted. */
export interface BackupContent {
  readonly at: string;
  readonly cluster: string;
  readonly secrets: readonly RawSecret[];
  readonly releases: readonly {
    readonly namespace: string;
    readonly name: string;
    readonly revision: number;
    /** What the user gave. */
    readonly values: Sealed<JsonObject>;
  }[];
}

/** Who can open a backup that is written: everybody with the passphrase, or each of the recipients (`age1…`). */
export type BackupLock =
  | { readonly kind: "passphrase"; readonly passphrase: SecretValue }
  | { readonly kind: "recipients"; readonly recipients: readonly string[] };

/** What opens one: the passphrase, or a file of age identities. */
export type BackupKey =
  | { readonly kind: "passphrase"; readonly passphrase: SecretValue }
  | { readonly kind: "identities"; readonly file: SecretValue };
