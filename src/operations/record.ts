import type { StatusRecord } from "../core/statusRecord.ts";
import type { ReleaseSync } from "../core/spec.ts";
import type { Subject } from "../ports.ts";
import type { ReleasePorts } from "./releasePorts.ts";

export function releaseSubject({ key }: ReleaseSync): Subject {
  return { kind: "Release", namespace: key.namespace, name: key.name };
}

/** Writes the status object of a release, with run and time filled in. */
export async function putStatus(
  ports: Pick<ReleasePorts, "cluster" | "clock" | "run">,
  spec: ReleaseSync,
  record: Omit<StatusRecord, "run" | "at">,
  signal: AbortSignal,
): Promise<void> {
  const at = ports.clock.now().toISOString();
  await ports.cluster.statuses.put(releaseSubject(spec), { ...record, run: ports.run, at }, signal);
}
