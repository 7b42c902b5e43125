import type { CredentialRef, Where } from "../spec.ts";
import type { SecretRef } from "../secretRef.ts";
import type { Template } from "../template.ts";
import type { ValuePath } from "../valuePath.ts";

// A RotationPolicy as the program works with it: checked, all defaults filled in, durations in milliseconds.

export interface RotationPolicy {
  readonly name: string;
  readonly namespace: string;
  /** Where its Lease, its status and its Events are: a kubeconfig context. */
  readonly cluster: string;
  readonly secret: SecretRef;
  readonly every: Every;
  /** Absent: at any time. */
  readonly window: RotationWindow | undefined;
  /** So long after it was due, a rotation that has not happened is an alarm. */
  readonly deadlineMs: number;
  /** Each rotation is due up to so much later, always the same for one policy and one due date. */
  readonly jitterMs: number;
  /** Does a plain change in the store count as a rotation? */
  readonly countStoreChanges: boolean;
  readonly generate: Generator;
  readonly target: TargetSpec;
  readonly overlap: Overlap | undefined;
  readonly owner: string | undefined;
  readonly notify: NotifySpec | undefined;
  readonly where: Where;
}

export type Every =
  | { readonly kind: "interval"; readonly ms: number }
  | { readonly kind: "cron"; readonly cron: string; readonly timezone: string };

/** Opens at each time of the cron expression, in that time zone, and stays open for the duration. */
export interface RotationWindow {
  readonly cron: string;
  readonly durationMs: number;
  readonly timezone: string;
}

/** The value that was current (of a key pair: its public part) stays under another key of the same path for a while. */
export interface Overlap {
  readonly key: string;
  readonly forMs: number;
}

/** Counts of random bytes before they are encoded, unless said otherwise. */
export type Generator =
  | { readonly kind: "hex" | "base64" | "base64url"; readonly bytes: number }
  | {
      readonly kind: "password";
      readonly length: number;
      /** How many of each class at least; a class left out does not occur. */
      readonly classes: Readonly<Partial<Record<CharacterClass, number>>>;
      /** The characters of the class `symbol`. */
      readonly symbols: string;
      /** Characters that do not occur, of whatever class. */
      readonly exclude: string;
    }
  | { readonly kind: "uuid" }
  | { readonly kind: "jwtSecret"; readonly algorithm: "HS256" | "HS384" | "HS512" }
  /** `publicKey`: the key at the same path that takes the public part. */
  | {
      readonly kind: "rsa";
      readonly bits: 2048 | 3072 | 4096;
      readonly format: "pem" | "jwk";
      readonly publicKey: string | undefined;
    }
  | { readonly kind: "ed25519"; readonly format: "pem" | "jwk"; readonly publicKey: string | undefined }
  /** AUTH_KEY and its seven companions; those that are not the policy's own key go beside it at the same path. */
  | { readonly kind: "wordpressSalts" }
  | { readonly kind: "template"; readonly template: Template; readonly parts: ReadonlyMap<string, Generator> };

export type CharacterClass = "lower" | "upper" | "digit" | "symbol";

/** A credential for a target: given to the process, or itself in a store. */
export type SecretSource = CredentialRef | { readonly fromStore: SecretRef };

export interface TlsSpec {
  /** `prefer`: where the server has it, without looking at its certificate unless `caFile` is given. */
  readonly mode: "verify" | "require" | "prefer" | "off";
  readonly caFile: string | undefined;
}

export interface Admin {
  readonly user: string;
  readonly password: SecretSource;
}

/** How a database learns a new password without forgetting the old one too early. */
export type DatabaseStrategy =
  /** Both passwords at once (MariaDB, MySQL 8.0.14 and later). */
  | { readonly kind: "dual"; readonly user: string }
  /** One user, one password: logins fail until the apps have the new one. */
  | { readonly kind: "single"; readonly user: string }
  /** Two users; the idle one gets the password, then `userKey` (at the secret's path) names it. */
  | { readonly kind: "alternating"; readonly users: readonly [string, string]; readonly userKey: string };

export interface DatabaseServer {
  readonly kind: "postgres" | "mariadb" | "mysql";
  readonly host: string;
  readonly port: number;
  readonly database: string | undefined;
  readonly tls: TlsSpec;
}

export interface DatabaseTarget extends DatabaseServer {
  /** MariaDB, MySQL: the host part of the account ('%' by default). */
  readonly userHost: string;
  readonly strategy: DatabaseStrategy;
  readonly admin: Admin;
}

/** The chart of the database changes the password itself, by a Job that a value switches on. */
export interface ChartJobTarget {
  readonly kind: "chartJob";
  /** Name of the ReleaseSync, in the policy's namespace. Absent: the only one there that maps the secret. */
  readonly release: string | undefined;
  readonly switch: ValuePath;
  /** How a value is proven. Absent: by the upgrade alone. */
  readonly login: (DatabaseServer & { readonly user: string }) | undefined;
}

/** One request of the `http` target. URL, headers and body are templates whose parts are listed in docs. */
export interface HttpStep {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: Template;
  readonly headers: ReadonlyMap<string, Template>;
  readonly body: Template | undefined;
}

export type TargetSpec =
  | { readonly kind: "none" }
  | DatabaseTarget
  | {
      readonly kind: "redis";
      readonly host: string;
      readonly port: number;
      readonly tls: TlsSpec;
      /** The ACL user; "default" for a server with one password. */
      readonly user: string;
      readonly admin: Admin;
    }
  | {
      readonly kind: "http";
      /** Makes the new key. `value` and `id` are JSONPaths into its answer. */
      readonly create: HttpStep & { readonly value: string; readonly id: string | undefined };
      /** A request that succeeds (2xx) only with the key that is tried. Absent: it is not tried. */
      readonly test: HttpStep | undefined;
      /** Ends the old key. */
      readonly revoke: HttpStep | undefined;
      /** Parts of the templates, by name. */
      readonly secrets: ReadonlyMap<string, SecretSource>;
    }
  /** helmwarden's own AppRole SecretID, or that of another role. */
  | { readonly kind: "vaultSecretId"; readonly store: string; readonly role: string; readonly mount: string }
  | { readonly kind: "infisicalClientSecret"; readonly store: string; readonly identityId: string }
  | ChartJobTarget
  /** Each step is a signed request to a system of the user's. */
  | { readonly kind: "webhook"; readonly url: string; readonly secret: SecretSource };

/** `webhook`: JSON, signed. `slack`: Slack's form, its URL being a secret. */
export type NotifySpec =
  | { readonly kind: "webhook"; readonly url: string; readonly secret: SecretSource }
  | { readonly kind: "slack"; readonly url: SecretSource };

/** Does a system behind the policy check the value, so that it must learn a new one first? */
export function hasTarget(policy: RotationPolicy): boolean {
  return policy.target.kind !== "none";
}

/** The key whose value names the user in use, where there is one. */
export function userKeyOf({ target }: RotationPolicy): string | undefined {
  return "strategy" in target && target.strategy.kind === "alternating" ? target.strategy.userKey : undefined;
}
