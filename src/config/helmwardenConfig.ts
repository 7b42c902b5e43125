import * as z from "zod";
import { duration } from "./duration.ts";
import { API_VERSION, credential, objectName, shareOrCount, text } from "./fields.ts";

const audit = z.strictObject({
  file: text()
    .default("/var/lib/helmwarden/audit.jsonl")
    .describe("The audit log, relative to the configuration file. Its folder must be writable: no record, no change."),
});

const concurrency = () =>
  z.int().min(1).max(64).default(4).describe("Releases and Secrets that each process works on at a time.");

const queue = z.union(
  [
    z.strictObject({ local: z.strictObject({ concurrency: concurrency() }).describe("In this process: no Redis.") }),
    z.strictObject({
      redis: z
        .strictObject({
          url: credential().describe("`redis://` or `rediss://` URL, password included."),
          concurrency: concurrency(),
        })
        .describe("In Redis, for workers in many pods."),
    }),
  ],
  "must be exactly one of {local} and {redis}",
);

const http = z.strictObject({
  address: text().default("0.0.0.0").describe("Address to listen on."),
  port: z.int().min(0).max(65_535).default(8080).describe("Port to listen on; 0 takes any that is free."),
  token: credential().optional().describe("Bearer token of `/v1/status`. Without it the page is closed."),
});

const rollout = z.strictObject({
  canary: z.int().min(0).default(1).describe("Releases that must be verified healthy before the others follow."),
  maxUnavailable: shareOrCount()
    .prefault("25%")
    .describe("Releases that may change at a time once the canary is healthy: a number, or a share of them."),
});

const restarts = z.strictObject({
  atOnce: z
    .int()
    .min(1)
    .default(5)
    .describe(
      "Workloads of a cluster that may be restarting at a time, over all releases. Each process counts its own restarts.",
    ),
});

const retry = z
  .strictObject({
    first: duration("100ms", "1h").prefault("5s").describe("Delay after the first failure; it doubles, with jitter."),
    most: duration("1s", "1d").prefault("10m").describe("The longest delay."),
    attempts: z
      .int()
      .min(1)
      .max(100)
      .default(5)
      .describe(
        "After so many failures with the same wanted values, a release waits until something changes. An outage of store or cluster does not count.",
      ),
  })
  .superRefine(({ first, most }, context) => {
    if (first > most) context.addIssue({ code: "custom", path: ["first"], message: "must not be longer than `most`" });
  });

const spec = z
  .strictObject({
    audit: audit.prefault({}).describe("The record of every change."),
    queue: queue.prefault({ local: {} }).describe("Where work waits: exactly one form."),
    http: http.prefault({}).describe("Where the daemon listens: health, metrics, status and hooks."),
    rollout: rollout
      .prefault({})
      .describe("How a change that reaches many releases is spread, in each cluster by itself."),
    restarts: restarts.prefault({}),
    retry: retry.prefault({}).describe("What follows a failed pass."),
    shutdownGrace: duration("0s", "1h")
      .prefault("60s")
      .describe("How long running passes may take to end after SIGTERM; shorter than the pod's own grace period."),
    resync: duration("10s", "1d").prefault("10m").describe("How often everything is compared, beside the watches."),
    digestKey: credential()
      .optional()
      .describe(
        "Key of the digests in the plan and in the audit log, at least 16 bytes. Required with `queue.redis`, as the processes share it. Default: one is made beside the audit log.",
      ),
  })
  .superRefine(({ queue: chosen, digestKey }, context) => {
    const message =
      "needs `spec.digestKey`: processes with keys of their own take each other's records for a stranger's";
    if ("redis" in chosen && digestKey === undefined)
      context.addIssue({ code: "custom", path: ["queue", "redis"], message });
  });

export const helmwardenConfig = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("HelmwardenConfig"),
  metadata: z.strictObject({ name: objectName().default("default").describe("Any name.") }).prefault({}),
  spec: spec.prefault({}),
});
