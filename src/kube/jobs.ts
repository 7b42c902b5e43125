import type { BatchV1Api } from "@kubernetes/client-node";
import { z } from "zod";
import type { JobState, Workloads } from "../ports.ts";
import { type Api, orAbsent } from "./api.ts";

/** Reads one Job. */
export function createJobState(api: Api, batch: BatchV1Api): Workloads["jobState"] {
  return async (namespace, name, signal) => {
    const target = { verb: "get", resource: "jobs.batch", namespace, name } as const;
    const found = await orAbsent(
      api.call(target, job, (options) => batch.readNamespacedJob({ namespace, name }, options), signal),
    );
    return found ?? "absent";
  };
}

const count = z.number().default(0);

/** Before Kubernetes 1.31 a Job counted as failed while its pods were still on their way out. */
const job = z
  .object({
    status: z
      .object({
        active: count,
        terminating: count,
        conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
      })
      .prefault({}),
  })
  .transform(({ status: { active, terminating, conditions } }): JobState => {
    const isOver = conditions.some(({ type, status }) => status === "True" && ["Complete", "Failed"].includes(type));
    return isOver && active + terminating === 0 ? "ended" : "running";
  });
