import { ownObjectName } from "../../core/objectNames.ts";
import type { Outcome } from "../../core/outcome.ts";
import { clusterOf, type SubjectSpec } from "../../core/subject.ts";
import { toHelmwardenError } from "../../errors.ts";
import { reconcileSubject, subjectOf } from "../reconcileSubject.ts";
import { createStorePass } from "../storePass.ts";
import type { Foreseen } from "./foresee.ts";
import type { RotatePorts } from "./rotatePorts.ts";

const TAKEN_TRIES = 120;
const TAKEN_MS = 1_000;

/** One pass over each dependent, Secrets first, each under its own Lease. What fails never stops the others. */
export async function reconcileDependents(ports: RotatePorts, signal: AbortSignal): Promise<readonly Foreseen[]> {
  const ordered = ports.dependents.toSorted((left, right) => right.kind.localeCompare(left.kind));
  const done: Foreseen[] = [];
  for (const dependent of ordered) {
    const { kind, namespace, name } = subjectOf(dependent);
    done.push({ subject: `${kind} ${namespace}/${name}`, outcome: await reconcileOne(ports, dependent, signal) });
  }
  return done;
}

async function reconcileOne(ports: RotatePorts, dependent: SubjectSpec, signal: AbortSignal): Promise<Outcome> {
  if (dependent.kind === "Release" && dependent.spec.suspend) return { kind: "suspended" };
  const cluster = clusterOf(dependent);
  try {
    const [own, withLease] = [await ports.portsOf(cluster), await ports.withLease(cluster)];
    const about = subjectOf(dependent);
    const lease = { namespace: about.namespace, name: ownObjectName(about) };
    for (let attempt = 0; attempt < TAKEN_TRIES; attempt += 1) {
      const pass = async (held: AbortSignal): Promise<Outcome> =>
        await reconcileSubject(own, dependent, createStorePass(ports.stores, held), held);
      const held = await withLease(lease, pass, signal);
      if (held.kind === "held") return held.result;
      await ports.clock.sleep(TAKEN_MS, signal);
    }
    return { kind: "failed", code: "ReleaseLocked", message: "Another process works on it. Wait, and try again." };
  } catch (caught) {
    if (signal.aborted) throw caught;
    const { code, message } = toHelmwardenError(caught);
    return { kind: "failed", code, message };
  }
}
