import type { Clock, Cluster, Log } from "../ports.ts";
import { createAccess } from "./access.ts";
import { createApi } from "./api.ts";
import { createConfigMapWrittenAt, createReadConfigMap } from "./configMaps.ts";
import { createEvents } from "./events.ts";
import { createInventory } from "./inventory.ts";
import { createReferrers } from "./referrers.ts";
import { type InCluster, loadKubeconfig } from "./kubeconfig.ts";
import { createLeaseObjects } from "./leaseObjects.ts";
import { createWithLease } from "./leases.ts";
import { createSecretObjects } from "./secrets.ts";
import { createStatuses } from "./statuses.ts";
import { createGetSecret, createListSecrets, createPatchStored } from "./storageSecrets.ts";
import { createWatchSecrets, type WatchTiming } from "./watchSecrets.ts";
import { createWorkloads } from "./workloads.ts";

export interface ClusterOptions {
  /** One path, or several as in KUBECONFIG. */
  readonly kubeconfig?: string;
  /** Where we run in a pod: KUBERNETES_SERVICE_HOST and _PORT. Used for "default" when there is no kubeconfig. */
  readonly inCluster?: InCluster;
  readonly fieldManager: "helmwarden";
  /** Who holds our leases: different in every process that ever ran, so host, process id and something random. */
  readonly holder: string;
  /** For one attempt of one call; a call takes at most twice that. Default 15 s. */
  readonly timeoutMs?: number;
  /** How long a lease outlives its holder. Default 15 s. */
  readonly leaseDurationMs?: number;
  readonly watch?: Partial<WatchTiming>;
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
  const { kubeconfig, inCluster, fieldManager, holder, timeoutMs = 15_000, leaseDurationMs = 15_000 } = options;
  const source = {
    context,
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(inCluster === undefined ? {} : { inCluster }),
  };
  const api = createApi(k, () => loadKubeconfig(k, source), { clock: deps.clock, timeoutMs });
  const configuration = k.createConfiguration({ baseServer: new k.ServerConfiguration(api.server, {}) });
  const core = new k.CoreV1Api(configuration);
  const leases = createLeaseObjects(k, api, new k.CoordinationV1Api(configuration));
  return {
    name: context,
    secrets: createSecretObjects(api, core, fieldManager),
    workloads: createWorkloads(
      api,
      {
        apps: new k.AppsV1Api(configuration),
        batch: new k.BatchV1Api(configuration),
        core,
        custom: new k.CustomObjectsApi(configuration),
        policy: new k.PolicyV1Api(configuration),
      },
      fieldManager,
      deps,
    ),
    configMapWrittenAt: createConfigMapWrittenAt(createReadConfigMap(api, core)),
    statuses: createStatuses(api, core, fieldManager),
    events: createEvents(api, core, deps),
    access: createAccess(api, new k.AuthorizationV1Api(configuration), new k.VersionApi(configuration)),
    listSecrets: createListSecrets(api, core),
    getSecret: createGetSecret(api, core),
    patchStored: createPatchStored(api, core, fieldManager),
    withLease: createWithLease(leases, { holder, durationMs: leaseDurationMs }, deps),
    watchSecrets: createWatchSecrets(api, core, deps, options.watch),
    inventory: createInventory(api, core, createReferrers(k, api, configuration)),
    close: () => api.close(),
  };
}
