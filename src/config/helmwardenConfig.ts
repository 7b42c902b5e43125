import * as z from "zod";
import { API_VERSION, credential, objectName, text } from "./fields.ts";

const audit = z.strictObject({
  file: text()
    .default("/var/lib/helmwarden/audit.jsonl")
    .describe("The audit log, relative to the configuration file. Its folder must be writable: no record, no change."),
});

const spec = z.strictObject({
  audit: audit.prefault({}).describe("The record of every change."),
  concurrency: z.int().min(1).max(64).default(4).describe("Releases and Secrets that are worked on at a time."),
  digestKey: credential()
    .optional()
    .describe("Key of the digests in the plan and in the audit log. Default: one is made beside the audit log."),
});

export const helmwardenConfig = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("HelmwardenConfig"),
  metadata: z.strictObject({ name: objectName().default("default").describe("Any name.") }).prefault({}),
  spec: spec.prefault({}),
});
