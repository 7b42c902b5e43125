import { z } from "zod";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import { remembersValues } from "../core/readers.ts";
import type { Rollout } from "../core/rollout.ts";
import { Sealed } from "../core/secretValue.ts";
import type { Workload, WorkloadRef } from "../ports.ts";

/** An Argo Rollout brings its pod template, or names the Deployment that has it (`workloadRef`); Argo allows one of both. */
export interface ArgoRollout {
  readonly ref: WorkloadRef & { readonly kind: "Rollout" };
  readonly template: JsonObject | undefined;
  readonly deployment: (WorkloadRef & { readonly kind: "Deployment" }) | undefined;
  /** Up to which generation of that Deployment it has come. */
  readonly observedDeployment: number;
  readonly rollout: Rollout;
}

const count = z.number().default(0);
/** Argo writes generations as text. */
const asText = z.coerce.number().catch(0).optional();

/** Whatever it holds, it is a Rollout: one that we do not understand must not hide the other workloads. */
export const argoRollout = z
  .object({
    metadata: z.object({ namespace: z.string(), name: z.string(), generation: count }),
    spec: z
      .object({
        replicas: z.number().nullish(),
        template: z.custom<JsonObject>(isJsonObject).nullish(),
        workloadRef: z.object({ kind: z.string(), name: z.string() }).nullish(),
      })
      .catch({}),
    status: z
      .object({
        observedGeneration: asText,
        workloadObservedGeneration: asText,
        updatedReplicas: count,
        readyReplicas: count,
        replicas: count,
      })
      .prefault({}),
  })
  .transform(({ metadata: { namespace, name, ...metadata }, spec, status }): ArgoRollout => {
    const { workloadRef } = spec;
    return {
      ref: { kind: "Rollout", namespace, name },
      template: workloadRef ? undefined : (spec.template ?? undefined),
      deployment:
        workloadRef?.kind === "Deployment" ? { kind: "Deployment", namespace, name: workloadRef.name } : undefined,
      observedDeployment: status.workloadObservedGeneration ?? 0,
      rollout: {
        generation: metadata.generation,
        observedGeneration: status.observedGeneration ?? 0,
        wanted: spec.replicas ?? 1,
        updated: status.updatedReplicas,
        ready: status.readyReplicas,
        total: status.replicas,
      },
    };
  });

/**
 * The Rollout as a workload; undefined where nobody can say what its pods read: its template is elsewhere than in a
 * Deployment, or that is gone.
 */
export function rolloutWorkload(found: ArgoRollout, deployment: Workload | undefined): Workload | undefined {
  const { ref, template, rollout } = found;
  if (template !== undefined) {
    const remembers = remembersValues({ kind: ref.kind, spec: { template } });
    return { ref, podTemplate: new Sealed(template), remembers, rollout };
  }
  if (deployment === undefined) return undefined;
  const isBehind = found.observedDeployment < deployment.rollout.generation;
  // A change of the Deployment's template rolls the Rollout, whose own generation stays.
  return {
    ref,
    podTemplate: deployment.podTemplate,
    remembers: deployment.remembers,
    rollout: isBehind ? { ...rollout, observedGeneration: -1 } : rollout,
  };
}

/** A Deployment that a Rollout refers to is told as that Rollout: it has the pods, and is restarted once. */
export function withRollouts(others: readonly Workload[], rollouts: readonly ArgoRollout[]): readonly Workload[] {
  const taken = new Set<Workload>();
  const told = rollouts.flatMap((found) => {
    const deployment = others.find(({ ref }) => ref.kind === "Deployment" && ref.name === found.deployment?.name);
    if (deployment !== undefined) taken.add(deployment);
    return rolloutWorkload(found, deployment) ?? [];
  });
  return [...others.filter((one) => !taken.has(one)), ...told];
}
