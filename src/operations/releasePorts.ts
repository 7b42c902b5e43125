import type { DigestKey } from "../core/digest.ts";
import type { AuditLog, Clock, Cluster, Helm, Log, Releases } from "../ports.ts";

/** What a pass over the releases of one cluster works with. */
export interface ReleasePorts {
  readonly cluster: Pick<Cluster, "secrets" | "workloads" | "statuses" | "events">;
  readonly releases: Releases;
  readonly helm: Helm;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly log: Log;
  readonly digestKey: DigestKey;
  /** Names this pass in labels, descriptions, audit records and log lines. */
  readonly run: string;
  /** A person asked for this pass; see PlanInput. */
  readonly asked: boolean;
  /** Versions of helm and of the API server, asked once. */
  readonly platform: (signal: AbortSignal) => Promise<string>;
  readonly random: (length: number) => Uint8Array;
}
