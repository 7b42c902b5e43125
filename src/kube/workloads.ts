import { z } from "zod";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import { remembersValues } from "../core/readers.ts";
import { Sealed } from "../core/secretValue.ts";
import type { Rollout } from "../core/rollout.ts";
import type { Clock, Log, Workload, WorkloadKind, WorkloadRef, Workloads } from "../ports.ts";
import { type Api, orAbsent } from "./api.ts";
import { argoRollout, rolloutWorkload, withRollouts } from "./argoRollouts.ts";
import { listPages } from "./listPages.ts";
import { createMayDisrupt } from "./disruption.ts";
import { createJobState } from "./jobs.ts";
import { createOptionalList } from "./optionalList.ts";
import { createPodList } from "./pods.ts";
import { MERGE, STRATEGIC_MERGE } from "./patchTypes.ts";
import { type WorkloadClients, workloadCalls } from "./workloadCalls.ts";

type BuiltIn = Exclude<WorkloadKind, "Rollout">;

/** Pod templates may be large. */
const PAGE = 100;
const KINDS: readonly BuiltIn[] = ["Deployment", "StatefulSet", "DaemonSet"];

/** Deployments, StatefulSets, DaemonSets and Argo Rollouts, the same words for all of them. */
export function createWorkloads(
  api: Api,
  clients: WorkloadClients,
  fieldManager: string,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Workloads {
  const calls = workloadCalls(clients);
  const { listOf, read } = createReads(api, calls);
  const rollouts = createOptionalList(
    (namespace, signal) => listOf("Rollout", argoRollout, namespace, signal),
    clock,
    (namespace) => log.warn("Argo Rollouts may not be listed: if there are any, none is restarted", { namespace }),
  );
  return {
    async list(namespace, signal) {
      const [found, ...builtIn] = await Promise.all([
        rollouts(namespace, signal),
        ...KINDS.map((kind) => listOf(kind, workloadOf(kind), namespace, signal)),
      ]);
      return withRollouts(builtIn.flat(), found);
    },
    async get({ kind, ...place }, signal) {
      if (kind !== "Rollout") return await read({ kind, ...place }, workloadOf(kind), signal);
      const found = await read({ kind, ...place }, argoRollout, signal);
      const deployment = found?.deployment && (await read(found.deployment, workloadOf("Deployment"), signal));
      return found && rolloutWorkload(found, deployment);
    },
    async annotatePods(ref, annotations, signal) {
      // Argo refuses a Rollout that has a template beside its `workloadRef`.
      const rollout = ref.kind === "Rollout" ? await read(ref, argoRollout, signal) : undefined;
      const { kind, namespace, name } = rollout?.deployment ?? ref;
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
    jobState: createJobState(api, clients.batch),
  };
}

function createReads(api: Api, calls: ReturnType<typeof workloadCalls>) {
  return {
    listOf: <T>(kind: WorkloadKind, item: z.ZodType<T>, namespace: string, signal: AbortSignal) =>
      listPages(
        api,
        {
          target: { verb: "list", resource: calls[kind].resource, namespace },
          item,
          limit: PAGE,
          invoke: (page, options) => calls[kind].list({ namespace, ...page }, options),
        },
        signal,
      ),
    read: <T>({ kind, namespace, name }: WorkloadRef, item: z.ZodType<T>, signal: AbortSignal) =>
      orAbsent(
        api.call(
          { verb: "get", resource: calls[kind].resource, namespace, name },
          item,
          (options) => calls[kind].read({ namespace, name }, options),
          signal,
        ),
      ),
  };
}

const count = z.number().default(0);
const metadata = z.object({ namespace: z.string(), name: z.string(), generation: count });
const template = z.custom<JsonObject>(isJsonObject);

const replicated = z.object({
  metadata,
  spec: z.object({ replicas: z.number().default(1), template, volumeClaimTemplates: z.array(template).default([]) }),
  status: z
    .object({ observedGeneration: count, updatedReplicas: count, readyReplicas: count, replicas: count })
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

function workloadOf(kind: BuiltIn): z.ZodType<Workload> {
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

interface Found {
  readonly metadata: Omit<WorkloadRef, "kind">;
  readonly spec: { readonly template: JsonObject; readonly volumeClaimTemplates?: JsonObject[] };
}

function assemble(kind: WorkloadKind, { metadata: { namespace, name }, spec }: Found, rollout: Rollout): Workload {
  const { template: podTemplate, volumeClaimTemplates = [] } = spec;
  const remembers = remembersValues({ kind, spec: { template: podTemplate, volumeClaimTemplates } });
  return { ref: { kind, namespace, name }, podTemplate: new Sealed(podTemplate), remembers, rollout };
}
