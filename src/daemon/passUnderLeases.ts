import { ownObjectName } from "../core/objectNames.ts";
import type { Outcome } from "../core/outcome.ts";
import type { SecretSync } from "../core/spec.ts";
import { clusterOf, subjectRefs, type SubjectSpec } from "../core/subject.ts";
import { toHelmwardenError } from "../errors.ts";
import { reconcileSubject, subjectOf } from "../operations/reconcileSubject.ts";
import { passTogether, secretsToPassWith } from "../operations/secretsTogether.ts";
import { createStorePass } from "../operations/storePass.ts";
import type { Subject, WithLease } from "../ports.ts";
import type { Generation } from "./generation.ts";

type Outcomes = ReadonlyMap<SubjectSpec, Outcome>;

/**
 * One pass over a subject, or over the Secrets that are to be brought to its readers together with it, under the Leases
 * of all of them; "taken" where somebody else works on one. Faults are outcomes.
 */
export async function passUnderLeases(
  generation: Generation,
  subject: SubjectSpec,
  onLease: (change: 1 | -1) => void,
  signal: AbortSignal,
): Promise<Outcomes | "taken"> {
  const { app, stores } = generation;
  try {
    const { name: cluster, withLease } = await app.cluster(clusterOf(subject));
    const ports = await app.portsOf(cluster);
    const near = secretsNear(generation, subject);
    const group =
      subject.kind === "Secret" && near.length > 1
        ? await secretsToPassWith(ports, subject.spec, near, createStorePass(stores, signal), signal)
        : [];
    const pass = async (still: AbortSignal): Promise<Outcomes | "taken"> => {
      const seen = createStorePass(stores, still);
      const outcomes =
        group.length > 1
          ? asSubjects(await passTogether(ports, group, seen, still))
          : new Map([[subject, await reconcileSubject(ports, subject, seen, still).catch(failureOf)]]);
      // A pass that ended because its lease was lost says nothing about the subject, which must not stall for it.
      const isLost = still.aborted && !signal.aborted;
      return isLost && [...outcomes.values()].some(({ kind }) => kind === "failed") ? "taken" : outcomes;
    };
    const subjects = group.length > 1 ? group.map((spec) => subjectOf({ kind: "Secret", spec })) : [subjectOf(subject)];
    return await underLeases(withLease, subjects, onLease, pass, signal);
  } catch (caught) {
    return new Map([[subject, failureOf(caught)]]);
  }
}

/** In the order given, which is the same for all who want them: of two, the second finds the first one taken. */
async function underLeases<T>(
  withLease: WithLease,
  [about, ...others]: readonly Subject[],
  onLease: (change: 1 | -1) => void,
  work: (still: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T | "taken"> {
  if (about === undefined) return await work(signal);
  const held = await withLease(
    { namespace: about.namespace, name: ownObjectName(about) },
    async (still) => {
      onLease(1);
      return await underLeases(withLease, others, onLease, work, still).finally(() => onLease(-1));
    },
    signal,
  );
  return held.kind === "taken" ? "taken" : held.result;
}

/** Those that read something at a path that this one reads, itself among them. */
function secretsNear({ subjects, dependents }: Generation, subject: SubjectSpec): SecretSync[] {
  const ids = subjectRefs(subject).flatMap(({ store, path }) => [...(dependents.get(store)?.get(path) ?? [])]);
  const found = [...new Set(ids)].flatMap((id) => subjects.get(id) ?? []);
  return found.flatMap((one) => (one.kind === "Secret" ? [one.spec] : []));
}

function asSubjects(outcomes: ReadonlyMap<SecretSync, Outcome>): Outcomes {
  return new Map([...outcomes].map(([spec, outcome]) => [{ kind: "Secret", spec }, outcome]));
}

function failureOf(caught: unknown): Outcome & { kind: "failed" } {
  const { code, message } = toHelmwardenError(caught);
  return { kind: "failed", code, message };
}
