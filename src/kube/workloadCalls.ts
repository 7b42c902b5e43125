import type {
  AppsV1Api,
  BatchV1Api,
  ConfigurationOptions,
  CoreV1Api,
  CustomObjectsApi,
  PolicyV1Api,
} from "@kubernetes/client-node";
import type { JsonObject } from "../core/json.ts";
import type { WorkloadKind } from "../ports.ts";
import type { PageQuery } from "./listPages.ts";

export interface WorkloadClients {
  readonly apps: AppsV1Api;
  readonly batch: BatchV1Api;
  readonly core: CoreV1Api;
  readonly custom: CustomObjectsApi;
  readonly policy: PolicyV1Api;
}

const ROLLOUTS = { group: "argoproj.io", version: "v1alpha1", plural: "rollouts" } as const;

interface Place {
  readonly namespace: string;
  readonly name: string;
}

export interface KindCalls {
  readonly resource: string;
  list(query: { readonly namespace: string } & PageQuery, options: ConfigurationOptions): Promise<unknown>;
  read(place: Place, options: ConfigurationOptions): Promise<unknown>;
  patch(
    request: Place & { readonly fieldManager: string; readonly body: JsonObject | object },
    options: ConfigurationOptions,
  ): Promise<unknown>;
}

/** The calls for each kind that can be restarted. */
export function workloadCalls({ apps, custom }: WorkloadClients): Readonly<Record<WorkloadKind, KindCalls>> {
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
    Rollout: {
      resource: "rollouts.argoproj.io",
      list: (query, options) => custom.listNamespacedCustomObject({ ...ROLLOUTS, ...query }, options),
      read: (place, options) => custom.getNamespacedCustomObject({ ...ROLLOUTS, ...place }, options),
      patch: (request, options) => custom.patchNamespacedCustomObject({ ...ROLLOUTS, ...request }, options),
    },
  };
}
