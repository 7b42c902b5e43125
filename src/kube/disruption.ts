import type { PolicyV1Api } from "@kubernetes/client-node";
import { z } from "zod";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import { mapAt } from "../core/objects.ts";
import type { Workloads } from "../ports.ts";
import type { Api } from "./api.ts";
import { listPages } from "./listPages.ts";

const PAGE = 100;

const budget = z.object({
  spec: z.object({
    selector: z
      .object({
        matchLabels: z.record(z.string(), z.string()).default({}),
        matchExpressions: z
          .array(z.object({ key: z.string(), operator: z.string(), values: z.array(z.string()).default([]) }))
          .default([]),
      })
      .nullish(),
  }),
  status: z.object({ disruptionsAllowed: z.number().default(0) }).prefault({}),
});
type Budget = z.infer<typeof budget>;

/** Looks at the PodDisruptionBudgets whose selector matches the workload's pod template (policy/v1). Unseen is not absent. */
export function createMayDisrupt(api: Api, policy: PolicyV1Api): Workloads["mayDisrupt"] {
  const budgets = (namespace: string, signal: AbortSignal) =>
    listPages(
      api,
      {
        target: { verb: "list", resource: "poddisruptionbudgets.policy", namespace },
        item: budget,
        limit: PAGE,
        invoke: (page, options) => policy.listNamespacedPodDisruptionBudget({ namespace, ...page }, options),
      },
      signal,
    );
  return async ({ ref, podTemplate }, signal) => {
    const labels = mapAt(mapAt(podTemplate.open(), "metadata"), "labels") ?? {};
    const matching = (await budgets(ref.namespace, signal)).filter((one) => selects(one, labels));
    return matching.every(({ status }) => status.disruptionsAllowed > 0);
  };
}

/** An absent selector selects nothing, an empty one everything. */
function selects({ spec: { selector } }: Budget, labels: JsonObject): boolean {
  if (selector === null || selector === undefined || !isJsonObject(labels)) return false;
  const exact = Object.entries(selector.matchLabels).every(([key, value]) => labels[key] === value);
  return exact && selector.matchExpressions.every((expression) => meets(expression, labels[expression.key]));
}

function meets({ operator, values }: { operator: string; values: string[] }, label: unknown): boolean {
  switch (operator) {
    case "In":
      return typeof label === "string" && values.includes(label);
    case "NotIn":
      return typeof label !== "string" || !values.includes(label);
    case "Exists":
      return label !== undefined;
    case "DoesNotExist":
      return label === undefined;
    default:
      return false;
  }
}
