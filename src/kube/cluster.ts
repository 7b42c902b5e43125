import type { Clock, Cluster, Log } from "../ports.ts";
import { createAccess } from "./access.ts";
import { createApi } from "./api.ts";
import { createEvents } from "./events.ts";
import { type InCluster, loadKubeconfig } from "./kubeconfig.ts";
import { createSecretObjects } from "./secrets.ts";
import { createStatuses } from "./statuses.ts";
import { createGetSecret, createListSecrets } from "./storageSecrets.ts";
import { createWorkloads } from "./workloads.ts";

export interface ClusterOptions {
  /** One path, or several as in KUBECONFIG. */
  readonly kubeconfig?: string;
  /** Where we run in a pod: KUBERNETES_SERVICE_HOST and _PORT. Used for "default" when there is no kubeconfig. */
  readonly inCluster?: InCluster;
  readonly fieldManager: "helmwarden";
  /** For one attempt of one call; a call takes at most twice that. Default 15 s. */
  readonly timeoutMs?: number;
}

/**
 * All ports of one cluster over one set of sockets. Makes no call yet. `context` is a kubeconfig context, or
 * "default" for the current one or the cluster we run in. Throws ConfigInvalid.
 */
export async function createCluster(
  context: string,
  options: ClusterOptions,
  deps: { readonly clock: Clock; readonly log: Log },
): Promise<Cluster> {
  const k = await import("./libraries.ts");
  const { kubeconfig, inCluster, fieldManager, timeoutMs = 15_000 } = options;
  const source = {
    context,
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(inCluster === undefined ? {} : { inCluster }),
  };
  const api = createApi(k, () => loadKubeconfig(k, source), { clock: deps.clock, timeoutMs });
  const configuration = k.createConfiguration({ baseServer: new k.ServerConfiguration(api.server, {}) });
  const core = new k.CoreV1Api(configuration);
  return {
    name: context,
    secrets: createSecretObjects(api, core, fieldManager),
    workloads: createWorkloads(api, new k.AppsV1Api(configuration), fieldManager),
    statuses: createStatuses(api, core, fieldManager),
    events: createEvents(api, core, deps),
    access: createAccess(api, new k.AuthorizationV1Api(configuration), new k.VersionApi(configuration)),
    listSecrets: createListSecrets(api, core),
    getSecret: createGetSecret(api, core),
    close: () => api.close(),
  };
}
