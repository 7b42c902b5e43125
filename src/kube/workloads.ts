import type { AppsV1Api, ConfigurationOptions } from "@kubernetes/client-node";
import { z } from "zod";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import { Sealed } from "../core/secretValue.ts";
import type { Rollout } from "../core/rollout.ts";
import type { Workload, WorkloadKind, WorkloadRef, Workloads } from "../ports.ts";
import { type Api, orAbsent } from "./api.ts";
import { listPages, type PageQuery } from "./listPages.ts";
import { STRATEGIC_MERGE } from "./patchTypes.ts";

/** Pod templates may be large. */
const PAGE = 100;
const KINDS: readonly WorkloadKind[] = ["Deployment", "StatefulSet", "DaemonSet"];

/** Deployments, StatefulSets and DaemonSets, the same words for all three. */
export function createWorkloads(api: Api, apps: AppsV1Api, fieldManager: string): Workloads {
  const calls = callsOf(apps);
  return {
    async list(namespace, signal) {
      const found = await Promise.all(
        KINDS.map((kind) =>
          listPages(
            api,
            {
              target: { verb: "list", resource: calls[kind].resource, namespace },
              item: workloadOf(kind),
              limit: PAGE,
              invoke: (page, options) => calls[kind].list({ namespace, ...page }, options),
            },
            signal,
          ),
        ),
      );
      return found.flat();
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
        STRATEGIC_MERGE,
      );
    },
  };
}

interface Place {
  readonly namespace: string;
  readonly name: string;
}

interface KindCalls {
  readonly resource: string;
  list(query: { readonly namespace: string } & PageQuery, options: ConfigurationOptions): Promise<unknown>;
  read(place: Place, options: ConfigurationOptions): Promise<unknown>;
  patch(
    request: Place & { readonly fieldManager: string; readonly body: JsonObject | object },
    options: ConfigurationOptions,
  ): Promise<unknown>;
}

function callsOf(apps: AppsV1Api): Readonly<Record<WorkloadKind, KindCalls>> {
  return {
    Deployment: {
      resource: "deployments.apps",
      list: (query, options) => apps.listNamespacedDeployment(query, options),
      read: (place, options) => apps.readNamespacedDeployment(place, options),
      patch: (request, options) => apps.patchNamespacedDeployment(request, options),
    },
    StatefulSet: {
      resource: "statefulsets.apps",
      list: (query, options) => apps.listNamespacedStatefulSet(query, options),
      read: (place, options) => apps.readNamespacedStatefulSet(place, options),
      patch: (request, options) => apps.patchNamespacedStatefulSet(request, options),
    },
    DaemonSet: {
      resource: "daemonsets.apps",
      list: (query, options) => apps.listNamespacedDaemonSet(query, options),
      read: (place, options) => apps.readNamespacedDaemonSet(place, options),
      patch: (request, options) => apps.patchNamespacedDaemonSet(request, options),
    },
  };
}

const count = z.number().default(0);
const metadata = z.object({ namespace: z.string(), name: z.string(), generation: count });
const template = z.custom<JsonObject>(isJsonObject);

const replicated = z.object({
  metadata,
  spec: z.object({ replicas: z.number().default(1), template }),
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
