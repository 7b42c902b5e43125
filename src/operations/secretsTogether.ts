import type { Outcome } from "../core/outcome.ts";
import type { SecretSync } from "../core/spec.ts";
import { toHelmwardenError } from "../errors.ts";
import { wantedKeys } from "./observe.ts";
import {
  keysOf,
  reconcileSecret,
  type SecretPorts,
  secretSubject,
  settleSecret,
  type WrittenSecret,
} from "./reconcileSecret.ts";
import { readsAtStart } from "./restart.ts";
import type { StorePass } from "./storePass.ts";

/**
 * Which Secrets to pass over together with this one, itself among them, in the order of their names: those of `near`
 * that are to be written as well, and that a workload reads at its start which reads another of them. So each workload
 * is restarted once, after all of them. Just itself where there is no such other. Writes nothing.
 */
export async function secretsToPassWith(
  ports: SecretPorts,
  spec: SecretSync,
  near: readonly SecretSync[],
  stores: StorePass,
  signal: AbortSignal,
): Promise<readonly SecretSync[]> {
  const others = near.filter((one) => one !== spec && one.restart === "auto" && isBeside(one, spec));
  if (others.length === 0 || spec.restart === "never") return [spec];
  if (!(await isDue(ports, spec, stores, signal))) return [spec];
  const due: SecretSync[] = [];
  for (const one of others) if (await isDue(ports, one, stores, signal)) due.push(one);
  if (due.length === 0) return [spec];
  const workloads = await ports.cluster.workloads.list(spec.namespace, signal);
  const readersOf = (one: SecretSync): unknown[] => workloads.filter((workload) => readsAtStart(workload, keysOf(one)));
  const together = new Set([spec]);
  // A set also goes through what is added on the way.
  for (const one of together) {
    const readers = new Set(readersOf(one));
    for (const other of due) if (readersOf(other).some((reader) => readers.has(reader))) together.add(other);
  }
  return [...together].toSorted((one, other) => (one.secret < other.secret ? -1 : 1));
}

/** Writes them all, then restarts who reads them, and puts each on record. A fault of one is the outcome of that one. */
export async function passTogether(
  ports: SecretPorts,
  specs: readonly SecretSync[],
  stores: StorePass,
  signal: AbortSignal,
): Promise<ReadonlyMap<SecretSync, Outcome>> {
  const outcomes = new Map<SecretSync, Outcome>();
  const written: WrittenSecret[] = [];
  for (const spec of specs) {
    const outcome = await orFailed(async () => {
      const record = await ports.cluster.statuses.get(secretSubject(spec), signal);
      return await reconcileSecret(ports, spec, await wantedKeys(spec, stores), record, "sync", signal);
    });
    if ("kind" in outcome) outcomes.set(spec, outcome);
    else written.push(outcome);
  }
  for (const one of written)
    outcomes.set(one.spec, await orFailed(async () => await settleSecret(ports, one, written, signal)));
  return outcomes;
}

/** Is it to be written, or did a pass die before its readers were restarted? Faults are its own pass' matter. */
async function isDue(ports: SecretPorts, spec: SecretSync, stores: StorePass, signal: AbortSignal): Promise<boolean> {
  const foreseen = await orFailed(async () => {
    const record = await ports.cluster.statuses.get(secretSubject(spec), signal);
    return await reconcileSecret(ports, spec, await wantedKeys(spec, stores), record, "plan", signal);
  });
  return "kind" in foreseen && foreseen.kind === "pending" && foreseen.why !== "first contact";
}

function isBeside(one: SecretSync, other: SecretSync): boolean {
  return one.cluster === other.cluster && one.namespace === other.namespace;
}

async function orFailed<T>(work: () => Promise<T>): Promise<T | (Outcome & { kind: "failed" })> {
  try {
    return await work();
  } catch (caught) {
    const { code, message } = toHelmwardenError(caught);
    return { kind: "failed", code, message };
  }
}
