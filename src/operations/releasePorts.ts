import type { DigestKey } from "../core/digest.ts";
import type { Xray } from "../core/xray.ts";
import type { SecretRef } from "../core/secretRef.ts";
import type { SecretValue } from "../core/secretValue.ts";
import type { AuditLog, Clock, Cluster, Helm, Log, Releases } from "../ports.ts";

/**
 * Does the system behind a secret take the value that the store holds now, `value`? Absent there: the one that is to be
 * written is known to be taken. `unowned`: no RotationPolicy with a target says which system that is. Rejects where the
 * system does not tell.
 */
export type ProvenAtTarget = (
  ref: SecretRef,
  signal: AbortSignal,
) => Promise<
  | { readonly kind: "accepted"; readonly value?: SecretValue }
  | { readonly kind: "unowned" }
  | { readonly kind: "refused"; readonly policy: string }
>;

/** What a pass over the releases of one cluster works with. */
export interface ReleasePorts {
  readonly cluster: Pick<Cluster, "secrets" | "configMapWrittenAt" | "workloads" | "statuses" | "events" | "withLease">;
  readonly releases: Releases;
  readonly helm: Helm;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly log: Log;
  readonly digestKey: DigestKey;
  /** A plan where no key has been made yet has one for its run: it says nothing about what is on record. */
  readonly keyless?: boolean;
  /** Names this pass in labels, descriptions, audit records and log lines. */
  readonly run: string;
  /** A person asked for this pass; see PlanInput. */
  readonly asked: boolean;
  /** Versions of helm and of the API server, asked once. */
  readonly platform: (signal: AbortSignal) => Promise<string>;
  /** Where a plan keeps its reusable X-rays, by cache key, for the change that follows; absent: nothing follows. */
  readonly xrays?: Map<string, Xray>;
  /** Absent: no RotationPolicy has a target. */
  readonly provenAtTarget?: ProvenAtTarget;
  readonly random: (length: number) => Uint8Array;
}
