import type { SecretValue } from "../../core/secretValue.ts";
import type { Clock, Log } from "../../ports.ts";

/** Reads a credential anew at each login, so that a rotated file is picked up. Throws HelmwardenError only. */
export type Credential = () => Promise<SecretValue>;

/** How we become somebody in Vault. Mounts are those of the auth method, without `auth/`; default: its own name. */
export type VaultAuth =
  | { readonly token: Credential }
  | { readonly appRole: AuthMount & { readonly roleId: Credential; readonly secretId: Credential } }
  | { readonly userpass: AuthMount & { readonly username: string; readonly password: Credential } }
  | { readonly kubernetes: AuthMount & { readonly role: string; readonly jwt: Credential } }
  | { readonly jwt: AuthMount & { readonly role: string; readonly jwt: Credential } };

interface AuthMount {
  readonly mount?: string | undefined;
}

export interface VaultOptions {
  readonly name: string;
  /** http or https, with a path only if a proxy serves Vault below one; without `/v1`. */
  readonly address: string;
  /** Of Vault Enterprise or OpenBao. Other servers ignore it silently. */
  readonly namespace?: string | undefined;
  /** Where the auth method is mounted, if elsewhere than in `namespace`. */
  readonly authNamespace?: string | undefined;
  readonly mount: string;
  /** Of the KV engine; asked of the server if absent. */
  readonly version?: 1 | 2 | undefined;
  /** PEM; takes the place of the system's trusted roots. */
  readonly ca?: string | undefined;
  readonly auth: VaultAuth;
  /** Milliseconds; see HttpOptions. */
  readonly attemptTimeoutMs?: number | undefined;
  readonly deadlineMs?: number | undefined;
  /** Milliseconds without a frame after which an event stream is made anew. Default 120,000. */
  readonly silenceMs?: number | undefined;
}

export interface VaultDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Uniform in [0, 1), for jitter. */
  readonly random?: (() => number) | undefined;
}
