import type { CoreV1Api } from "@kubernetes/client-node";
import { z } from "zod";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import { Sealed } from "../core/secretValue.ts";
import type { PodReading, Workloads } from "../ports.ts";
import type { Api } from "./api.ts";
import { listPages } from "./listPages.ts";

const PAGE = 250;
const ENDED: ReadonlySet<string> = new Set(["Succeeded", "Failed"]);

/** Lists the pods that run or are about to, those that are told to end among them: they work until they are gone. */
export function createPodList(api: Api, core: CoreV1Api): Workloads["pods"] {
  return async (namespace, signal) => {
    const found = await listPages(
      api,
      {
        target: { verb: "list", resource: "pods", namespace },
        item: pod,
        limit: PAGE,
        invoke: (page, options) => core.listNamespacedPod({ namespace, ...page }, options),
      },
      signal,
    );
    return found.flatMap((one) => (one === undefined ? [] : [one]));
  };
}

const container = z.object({
  state: z.object({ running: z.object({ startedAt: z.coerce.date() }).optional() }).optional(),
});

const pod = z
  .object({
    metadata: z.object({ namespace: z.string(), name: z.string(), creationTimestamp: z.coerce.date() }),
    spec: z.custom<JsonObject>(isJsonObject),
    status: z
      .object({
        phase: z.string().default("Pending"),
        // Sidecars are init containers that go on.
        initContainerStatuses: z.array(container).default([]),
        containerStatuses: z.array(container).default([]),
      })
      .prefault({}),
  })
  .transform(({ metadata, spec, status }): PodReading | undefined => {
    if (ENDED.has(status.phase)) return undefined;
    const { namespace, name, creationTimestamp: createdAt } = metadata;
    const startedAt = oldestStart([...status.initContainerStatuses, ...status.containerStatuses]);
    return { namespace, name, spec: new Sealed(spec), createdAt, startedAt };
  });

/** A pod is as old as the container that started first; one of which nothing runs has read nothing. */
function oldestStart(containers: readonly z.infer<typeof container>[]): Date | undefined {
  const starts = containers.flatMap(({ state }) => state?.running?.startedAt ?? []);
  return starts.toSorted((left, right) => left.getTime() - right.getTime())[0];
}
