import type { Configuration, ConfigurationOptions } from "@kubernetes/client-node";
import { z } from "zod";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import { Sealed } from "../core/secretValue.ts";
import { HelmwardenError } from "../errors.ts";
import type { Inventory } from "../ports.ts";
import type { Api } from "./api.ts";
import type * as Libraries from "./libraries.ts";
import { listPages, type PageQuery } from "./listPages.ts";

const PAGE = 200;

interface KindList {
  readonly kind: string;
  readonly resource: string;
  readonly inNamespace: (query: Namespaced, options: ConfigurationOptions) => Promise<unknown>;
  readonly everywhere: List;
}

const anObject = z.custom<JsonObject>(isJsonObject);
/** Listed themselves, or made by what is: their pods and jobs need not be named again. */
const listed = z.object({
  metadata: z.object({
    ownerReferences: z
      .array(z.object({ kind: z.enum(["ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob"]) }))
      .min(1),
  }),
});

/** Lists each kind that may name a Secret; pods and jobs of a controller that is listed are left out. */
export function createReferrers(k: typeof Libraries, api: Api, configuration: Configuration): Inventory["referrers"] {
  const kinds = kindsOf(k, configuration);
  return async (namespace, signal) => {
    const denied: string[] = [];
    const found = await Promise.all(
      kinds.map(async ({ kind, resource, inNamespace, everywhere }) => {
        try {
          const list = {
            target: { verb: "list", resource, ...(namespace === undefined ? {} : { namespace }) },
            item: anObject,
            limit: PAGE,
            invoke: (page: PageQuery, options: ConfigurationOptions) =>
              namespace === undefined ? everywhere(page, options) : inNamespace({ ...page, namespace }, options),
          } as const;
          const objects = await listPages(api, list, signal);
          // Items of a list come without their kind.
          return objects.filter((object) => !listed.safeParse(object).success).map((object) => ({ ...object, kind }));
        } catch (caught) {
          if (!(caught instanceof HelmwardenError) || caught.code !== "ClusterDenied") throw caught;
          denied.push(kind);
          return [];
        }
      }),
    );
    return { objects: new Sealed(found.flat()), denied };
  };
}

type Namespaced = PageQuery & { namespace: string };
type List = (page: PageQuery, options: ConfigurationOptions) => Promise<unknown>;

function kindsOf(k: typeof Libraries, configuration: Configuration): readonly KindList[] {
  return [...workloadKinds(k, configuration), ...otherKinds(k, configuration)];
}

function workloadKinds(k: typeof Libraries, configuration: Configuration): readonly KindList[] {
  const apps = new k.AppsV1Api(configuration);
  const batch = new k.BatchV1Api(configuration);
  return [
    kindList(
      "Deployment",
      "deployments.apps",
      (query, options) => apps.listNamespacedDeployment(query, options),
      (page, options) => apps.listDeploymentForAllNamespaces(page, options),
    ),
    kindList(
      "StatefulSet",
      "statefulsets.apps",
      (query, options) => apps.listNamespacedStatefulSet(query, options),
      (page, options) => apps.listStatefulSetForAllNamespaces(page, options),
    ),
    kindList(
      "DaemonSet",
      "daemonsets.apps",
      (query, options) => apps.listNamespacedDaemonSet(query, options),
      (page, options) => apps.listDaemonSetForAllNamespaces(page, options),
    ),
    kindList(
      "CronJob",
      "cronjobs.batch",
      (query, options) => batch.listNamespacedCronJob(query, options),
      (page, options) => batch.listCronJobForAllNamespaces(page, options),
    ),
    kindList(
      "Job",
      "jobs.batch",
      (query, options) => batch.listNamespacedJob(query, options),
      (page, options) => batch.listJobForAllNamespaces(page, options),
    ),
  ];
}

function otherKinds(k: typeof Libraries, configuration: Configuration): readonly KindList[] {
  const core = new k.CoreV1Api(configuration);
  const networking = new k.NetworkingV1Api(configuration);
  return [
    kindList(
      "Pod",
      "pods",
      (query, options) => core.listNamespacedPod(query, options),
      (page, options) => core.listPodForAllNamespaces(page, options),
    ),
    kindList(
      "ServiceAccount",
      "serviceaccounts",
      (query, options) => core.listNamespacedServiceAccount(query, options),
      (page, options) => core.listServiceAccountForAllNamespaces(page, options),
    ),
    kindList(
      "Ingress",
      "ingresses.networking.k8s.io",
      (query, options) => networking.listNamespacedIngress(query, options),
      (page, options) => networking.listIngressForAllNamespaces(page, options),
    ),
  ];
}

function kindList(kind: string, resource: string, inNamespace: KindList["inNamespace"], everywhere: List): KindList {
  return { kind, resource, inNamespace, everywhere };
}
