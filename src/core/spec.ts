import type { ReleaseKey } from "./release.ts";
import type { RotationPolicy } from "./rotation/policy.ts";
import type { SecretRef } from "./secretRef.ts";
import type { Template } from "./template.ts";
import type { ValuePath } from "./valuePath.ts";
import type { ValueType } from "./wanted.ts";

// The configuration as the program works with it: parsed, checked, all defaults filled in, durations in
// milliseconds, file paths absolute. docs/configuration.md describes the same fields as people write them.

export interface Config {
  /** By name. */
  readonly stores: ReadonlyMap<string, SecretStore>;
  readonly releases: readonly ReleaseSync[];
  readonly secrets: readonly SecretSync[];
  readonly rotations: readonly RotationPolicy[];
  readonly program: ProgramSpec;
}

/** Where a document begins; the line counts from 1. */
export interface Where {
  readonly file: string;
  readonly line: number;
}

/** Where a credential is read from. It is never in the configuration itself. */
export type CredentialRef =
  | { readonly fromEnv: string }
  | { readonly fromFile: string }
  | { readonly fromSecret: { readonly namespace: string; readonly name: string; readonly key: string } };

export interface SecretStore {
  readonly name: string;
  readonly refreshIntervalMs: number;
  /** Budget of calls; absent: none. */
  readonly callsPerMinute: number | undefined;
  /** From 0 to 1: the share of the keys of a path, or of all paths, that one read may miss before it is suspicious. */
  readonly maxLoss: number;
  /** Bearer token of the generic hook; absent: the hook is closed. */
  readonly pushToken: CredentialRef | undefined;
  readonly provider: VaultSpec | InfisicalSpec;
  readonly where: Where;
}

export interface VaultSpec {
  readonly kind: "vault";
  readonly address: string;
  readonly namespace: string | undefined;
  /** Of the auth method, where it is another. */
  readonly authNamespace: string | undefined;
  /** Without slashes at its ends. */
  readonly mount: string;
  /** Absent: the server is asked. */
  readonly version: 1 | 2 | undefined;
  readonly caFile: string | undefined;
  /** Does the server tell what moves? */
  readonly events: boolean;
  readonly auth: VaultAuth;
}

/** How to log in; `mount` is where the auth method is mounted. */
export type VaultAuth =
  | { readonly kubernetes: { readonly mount: string; readonly role: string; readonly jwt: CredentialRef } }
  | { readonly jwt: { readonly mount: string; readonly role: string; readonly jwt: CredentialRef } }
  | { readonly appRole: { readonly mount: string; readonly roleId: CredentialRef; readonly secretId: CredentialRef } }
  | { readonly userpass: { readonly mount: string; readonly username: string; readonly password: CredentialRef } }
  | { readonly token: CredentialRef };

export interface InfisicalSpec {
  readonly kind: "infisical";
  readonly siteUrl: string;
  readonly project: { readonly id: string } | { readonly slug: string };
  readonly environment: string;
  /** The sub-organization to log in to. */
  readonly organizationSlug: string | undefined;
  /** One list answers for all folders below this path. */
  readonly recursive: { readonly path: string } | undefined;
  readonly caFile: string | undefined;
  /** Does the server tell what moves? */
  readonly events: boolean;
  /** What Infisical signs its webhooks with; absent: they are refused. */
  readonly webhookSecret: CredentialRef | undefined;
  readonly auth: InfisicalAuth;
}

export type InfisicalAuth =
  | { readonly kind: "universal"; readonly clientId: CredentialRef; readonly clientSecret: CredentialRef }
  | {
      readonly kind: "kubernetes" | "oidc" | "jwt" | "spiffe" | "gcp" | "azure";
      readonly identityId: string;
      readonly jwt: CredentialRef;
    }
  | {
      readonly kind: "ldap";
      readonly identityId: string;
      readonly username: string;
      readonly password: CredentialRef;
    }
  | { readonly kind: "aws"; readonly identityId: string }
  | { readonly kind: "token"; readonly token: CredentialRef };

/** Where the chart of a release is found, at the version that is deployed. */
export type ChartSource =
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "repository"; readonly repository: string; readonly name: string; readonly version?: string }
  | { readonly kind: "oci"; readonly oci: string; readonly version?: string };

export interface ReleaseSync {
  /** Of the document; the release's own name is in `key`. */
  readonly name: string;
  readonly key: ReleaseKey;
  readonly chart: ChartSource;
  /** No two of them overlap. */
  readonly values: readonly ValueMapping[];
  readonly guards: Guards;
  readonly whenIgnored: "hold" | "patchSecret";
  readonly upgrade: UpgradeSpec;
  readonly restart: "auto" | "never";
  readonly drift: "correct" | "report";
  readonly suspend: boolean;
  readonly where: Where;
}

export interface ValueMapping {
  readonly path: ValuePath;
  readonly type: ValueType;
  /**
   * What becomes of an old value: a `credential` is remembered by what checks it, an `encryptionKey` has data
   * encrypted with it, of a `token` nothing persistent remembers the old one.
   */
  readonly kind: "credential" | "encryptionKey" | "token";
  readonly source: ValueSource;
}

/** One secret, or several put together; the template uses each of its parts, and no other. */
export type ValueSource =
  | { readonly kind: "ref"; readonly ref: SecretRef }
  | { readonly kind: "template"; readonly template: Template; readonly parts: ReadonlyMap<string, SecretRef> };

export interface Guards {
  readonly regeneration: "hold" | "allow";
  readonly statefulCredential: "hold" | "allow";
  readonly empty: "hold" | "allow";
}

export interface UpgradeSpec {
  /** For the helm process. */
  readonly timeoutMs: number;
  /** For the workloads to become ready afterwards. */
  readonly readyMs: number;
  readonly historyMax: number;
  readonly onFailure: "restore" | "keep";
  readonly scrub: boolean;
}

export interface SecretSync {
  /** Of the document. */
  readonly name: string;
  readonly cluster: string;
  readonly namespace: string;
  /** Name of the Secret. */
  readonly secret: string;
  /** Of the Secret; a type cannot be changed in place. Undefined: whatever it has, and Opaque where it is made. */
  readonly type: string | undefined;
  /** No two of the same key. */
  readonly data: readonly SecretMapping[];
  readonly guards: Pick<Guards, "statefulCredential" | "empty">;
  readonly restart: "auto" | "never";
  readonly drift: "correct" | "report";
  readonly where: Where;
}

export interface SecretMapping {
  readonly key: string;
  readonly kind: ValueMapping["kind"];
  readonly source: ValueSource;
}

/** The program itself: the document of kind HelmwardenConfig. */
export interface ProgramSpec {
  readonly auditFile: string;
  readonly queue: QueueSpec;
  readonly http: HttpSpec;
  readonly rollout: RolloutSpec;
  /** Workloads restarted by us that may be on their way at a time. */
  readonly restarts: { readonly atOnce: number };
  readonly retry: RetrySpec;
  /** How long running passes may take to end after SIGTERM. */
  readonly shutdownGraceMs: number;
  /** Between two full comparisons beside the watches. */
  readonly resyncMs: number;
  /** Absent: the program makes a key beside the audit file. */
  readonly digestKey: CredentialRef | undefined;
}

/** `concurrency`: releases and Secrets that one process works on at a time. */
export type QueueSpec =
  | { readonly kind: "local"; readonly concurrency: number }
  | { readonly kind: "redis"; readonly concurrency: number; readonly url: CredentialRef };

export interface HttpSpec {
  readonly address: string;
  readonly port: number;
  /** Bearer token of the status page; absent: the page is closed. */
  readonly token: CredentialRef | undefined;
}

export interface RolloutSpec {
  /** Releases that must be healthy before the others follow; 0 means none. */
  readonly canary: number;
  readonly maxUnavailable: ShareOrCount;
}

/** `share` is above 0 and at most 1; `count` at least 1. */
export type ShareOrCount =
  | { readonly kind: "share"; readonly share: number }
  | { readonly kind: "count"; readonly count: number };

/** Delays grow from `firstMs` to `mostMs`; after `attempts` with one wanted digest, outages not counted, the release is stalled. */
export interface RetrySpec {
  readonly firstMs: number;
  readonly mostMs: number;
  readonly attempts: number;
}

/** All secrets that a mapping reads, for one as for a template. */
export function refsOf(source: ValueSource): readonly SecretRef[] {
  return source.kind === "ref" ? [source.ref] : [...source.parts.values()];
}
