import { z } from "zod";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import { Sealed } from "../core/secretValue.ts";
import type { Rollout } from "../core/rollout.ts";
import type { Workload, WorkloadKind, WorkloadRef, Workloads } from "../ports.ts";
import { type Api, orAbsent } from "./api.ts";
import { listPages } from "./listPages.ts";
import { createMayDisrupt } from "./disruption.ts";
import { createOptionalList } from "./optionalList.ts";
import { createPodList } from "./pods.ts";
import { MERGE, STRATEGIC_MERGE } from "./patchTypes.ts";
import { type WorkloadClients, workloadCalls } from "./workloadCalls.ts";

/** Pod templates may be large. */
const PAGE = 100;
const KINDS: readonly WorkloadKind[] = ["Deployment", "StatefulSet", "DaemonSet"];

/** Deployments, StatefulSets, DaemonSets and Argo Rollouts, the same words for all of them. */
export function createWorkloads(api: Api, clients: WorkloadClients, fieldManager: string): Workloads {
  const calls = workloadCalls(clients);
  const listKind = (kind: WorkloadKind, namespace: string, signal: AbortSignal): Promise<readonly Workload[]> =>
    listPages(
      api,
      {
        target: { verb: "list", resource: calls[kind].resource, namespace },
        item: workloadOf(kind),
        limit: PAGE,
        invoke: (page, options) => calls[kind].list({ namespace, ...page }, options),
      },
      signal,
    );
  const rollouts = createOptionalList((namespace, signal) => listKind("Rollout", namespace, signal));
  return {
    async list(namespace, signal) {
      const built = KINDS.map((kind) => listKind(kind, namespace, signal));
      return (await Promise.all([...built, rollouts(namespace, signal)])).flat();
    },
    get({ kind, namespace, name }, signal) {
      const target = { verb: "get", resource: calls[kind].resource, namespace, name } as const;
      return orAbsent(
        api.call(target, workloadOf(kind), (options) => calls[kind].read({ namespace, name }, options), signal),
      );
    },
    async annotatePods({ kind, namespace, name }, annotations, signal) {
      await api.call(
        { verb: "patch", resource: calls[kind].resource, namespace, name },
        z.unknown(),
        (options) =>
          calls[kind].patch(
            { namespace, name, fieldManager, body: { spec: { template: { metadata: { annotations } } } } },
            options,
          ),
        signal,
        kind === "Rollout" ? MERGE : STRATEGIC_MERGE,
      );
    },
    mayDisrupt: createMayDisrupt(api, clients.policy),
    pods: createPodList(api, clients.core),
  };
}

const count = z.number().default(0);
const metadata = z.object({ namespace: z.string(), name: z.string(), generation: count });
const template = z.custom<JsonObject>(isJsonObject);

const replicated = z.object({
  metadata,
  spec: z.object({ replicas: z.number().default(1), template }),
  status: z
    // Argo writes its generation as text.
    .object({
      observedGeneration: z.coerce.number().default(0),
      updatedReplicas: count,
      readyReplicas: count,
      replicas: count,
    })
    .prefault({}),
});

const perNode = z.object({
  metadata,
  spec: z.object({ template }),
  status: z
    .object({
      observedGeneration: count,
      desiredNumberScheduled: count,
      updatedNumberScheduled: count,
      numberReady: count,
      currentNumberScheduled: count,
      numberMisscheduled: count,
    })
    .prefault({}),
});

function workloadOf(kind: WorkloadKind): z.ZodType<Workload> {
  if (kind === "DaemonSet") {
    return perNode.transform((found) =>
      assemble(kind, found, {
        generation: found.metadata.generation,
        observedGeneration: found.status.observedGeneration,
        wanted: found.status.desiredNumberScheduled,
        updated: found.status.updatedNumberScheduled,
        ready: found.status.numberReady,
        total: found.status.currentNumberScheduled + found.status.numberMisscheduled,
      }),
    );
  }
  return replicated.transform((found) =>
    assemble(kind, found, {
      generation: found.metadata.generation,
      observedGeneration: found.status.observedGeneration,
      wanted: found.spec.replicas,
      updated: found.status.updatedReplicas,
      ready: found.status.readyReplicas,
      total: found.status.replicas,
    }),
  );
}

type Found = { readonly metadata: Omit<WorkloadRef, "kind">; readonly spec: { readonly template: JsonObject } };

function assemble(kind: WorkloadKind, { metadata: { namespace, name }, spec }: Found, rollout: Rollout): Workload {
  return { ref: { kind, namespace, name }, podTemplate: new Sealed(spec.template), rollout };
}
