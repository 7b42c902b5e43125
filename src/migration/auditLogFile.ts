import { open } from "node:fs/promises";
import * as z from "zod";
import type { SecretRead } from "../core/migration/secretReads.ts";
import { HelmwardenError } from "../errors.ts";

// kubernetes.io/docs/reference/config-api/apiserver-audit.v1: an Event a line.
const Read = z
  .object({
    kind: z.literal("Event"),
    verb: z.enum(["get", "list", "watch"]),
    user: z.object({ username: z.string(), groups: z.array(z.string()).default([]) }),
    userAgent: z.string().default(""),
    objectRef: z.object({
      resource: z.literal("secrets"),
      apiGroup: z.literal("").optional(),
      namespace: z.string().optional(),
      name: z.string().optional(),
    }),
    requestReceivedTimestamp: z.coerce.date(),
  })
  .transform(({ verb, user, userAgent, objectRef, requestReceivedTimestamp: at }): SecretRead => ({
    at,
    verb,
    user: user.username,
    namespace: objectRef.namespace,
    name: objectRef.name,
    isKubelet: user.groups.includes("system:nodes"),
    isOurs: /^helmwarden\b/.test(userAgent),
  }));
const AnyEvent = z.object({ kind: z.literal("Event"), auditID: z.string() });

/**
 * The reads of Secrets that an audit log of the API server holds, in its order, line by line; each request counts once.
 * What was denied counts as well: it shows who would read. ConfigInvalid for a file that is no such log.
 */
export async function* secretReads(path: string): AsyncGenerator<SecretRead> {
  const file = await open(path, "r").catch(() => {
    throw new HelmwardenError("ConfigInvalid", `The audit log ${path} cannot be read.`);
  });
  try {
    let number = 0;
    for await (const line of file.readLines()) {
      number += 1;
      if (line.trim() === "") continue;
      const { isEvent, read } = parse(line);
      if (!isEvent) {
        throw new HelmwardenError(
          "ConfigInvalid",
          `Line ${number} of ${path} is no event of audit.k8s.io/v1. Give the API server's audit log as it writes it (\`--audit-log-format=json\`).`,
        );
      }
      if (read !== undefined) yield read;
    }
  } finally {
    await file.close();
  }
}

function parse(line: string): { isEvent: boolean; read?: SecretRead } {
  try {
    const json: unknown = JSON.parse(line);
    if (!AnyEvent.safeParse(json).success) return { isEvent: false };
    const isEnd = z.object({ stage: z.enum(["ResponseComplete", "Panic"]) }).safeParse(json).success;
    // A watch that still runs has only begun to answer.
    const isWatch = z.object({ stage: z.literal("ResponseStarted"), verb: z.literal("watch") }).safeParse(json).success;
    const read = isEnd || isWatch ? Read.safeParse(json) : undefined;
    return { isEvent: true, ...(read?.success === true ? { read: read.data } : {}) };
  } catch {
    return { isEvent: false };
  }
}
