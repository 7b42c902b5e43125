import type { SecretValue } from "../../core/secretValue.ts";
import type { Clock, Log } from "../../ports.ts";

/** Reads a credential anew at each login, so that a rotated file is picked up. Throws HelmwardenError only. */
export type Credential = () => Promise<SecretValue>;

/** How a machine identity logs in. `token` is one that was made elsewhere: it is renewed, and never revoked. */
export type InfisicalAuth =
  | { readonly kind: "universal"; readonly clientId: Credential; readonly clientSecret: Credential }
  | {
      readonly kind: "kubernetes" | "oidc" | "jwt" | "spiffe" | "gcp" | "azure";
      readonly identityId: string;
      readonly jwt: Credential;
    }
  | { readonly kind: "ldap"; readonly identityId: string; readonly username: string; readonly password: Credential }
  /** AWS's own credential chain of this machine signs the login. */
  | { readonly kind: "aws"; readonly identityId: string }
  | { readonly kind: "token"; readonly token: Credential };

export interface InfisicalOptions {
  readonly name: string;
  /** http or https, with or without `/api` at its end. */
  readonly siteUrl: string;
  readonly project: { readonly id: string } | { readonly slug: string };
  /** Its slug. */
  readonly environment: string;
  /** The sub-organization to log in to. Not with `aws`. */
  readonly organizationSlug?: string | undefined;
  /** PEM; takes the place of the system's trusted roots. Not with `aws`. */
  readonly ca?: string | undefined;
  /** One recursive list answers for all folders below this path, unless one of them imports. */
  readonly recursive?: { readonly path: string } | undefined;
  readonly auth: InfisicalAuth;
  /** Milliseconds; see HttpOptions. */
  readonly attemptTimeoutMs?: number | undefined;
  readonly deadlineMs?: number | undefined;
  /** Milliseconds without a byte after which an event stream is made anew. Default 120,000. */
  readonly silenceMs?: number | undefined;
}

export interface InfisicalDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Uniform in [0, 1), for jitter. */
  readonly random?: (() => number) | undefined;
}
