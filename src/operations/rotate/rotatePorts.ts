import type { SubjectSpec } from "../../core/subject.ts";
import type { AuditLog, Clock, Cluster, Generate, RotationTarget, Store } from "../../ports.ts";
import type { ReleasePorts } from "../releasePorts.ts";

/** What the rotation of one policy works with. */
export interface RotatePorts {
  /** All that the dependents read from; the secret's own among them, as the provider gives it. */
  readonly stores: ReadonlyMap<string, Store>;
  /** Absent: nothing but store and releases has to learn the value. */
  readonly target: RotationTarget | undefined;
  readonly generate: Generate;
  /** Everything that reads the secret, suspended releases included. */
  readonly dependents: readonly SubjectSpec[];
  readonly portsOf: (cluster: string) => Promise<ReleasePorts>;
  readonly withLease: (cluster: string) => Promise<Cluster["withLease"]>;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly digestKey: ReleasePorts["digestKey"];
  readonly run: string;
  readonly random: ReleasePorts["random"];
  /** Told before each step, for people who watch. */
  readonly onStep: (step: RotationStep, message: string) => void;
}

export type RotationStep = "create" | "set" | "test" | "finish" | "retire" | "undo";
