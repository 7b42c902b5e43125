import { randomBytes } from "node:crypto";
import { createCluster, type ClusterOptions } from "../../src/kube/cluster.ts";
import type { Clock, Cluster } from "../../src/ports.ts";
import { realClock } from "./clock.ts";
import { recordingLog } from "./silence.ts";

/** The adapter under test, on the current context of this kubeconfig. */
export function openCluster(
  kubeconfig: string | undefined,
  options: Partial<ClusterOptions> = {},
  clock: Clock = realClock,
): Promise<Cluster> {
  const where = kubeconfig === undefined ? {} : { kubeconfig };
  const names = { fieldManager: "helmwarden", holder: `test-${randomBytes(4).toString("hex")}` } as const;
  return createCluster("default", { ...names, ...where, ...options }, { clock, log: recordingLog() });
}

/** A clock that does not wait, and tells how long it was asked to. */
export function impatientClock(): Clock & { readonly slept: number[] } {
  const slept: number[] = [];
  return {
    ...realClock,
    slept,
    async sleep(ms, signal) {
      signal.throwIfAborted();
      slept.push(ms);
    },
  };
}
