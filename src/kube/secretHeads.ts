import type { ConfigurationOptions, CoreV1Api } from "@kubernetes/client-node";
import { z } from "zod";
import type { SecretEvent, WatchQuery } from "../ports.ts";
import type { Api } from "./api.ts";
import { type ApiTarget, explainFault } from "./explainFault.ts";
import { listSnapshot, METADATA_ONLY, type PageQuery, type Snapshot } from "./listPages.ts";

/** Which Secret, in which version: all that is read of it. */
export type SecretHead = Omit<SecretEvent, "kind">;

export type WatchEvent = SecretEvent | { readonly kind: "bookmark"; readonly resourceVersion: string };

const secretHead = z
  .object({
    metadata: z.object({
      namespace: z.string(),
      name: z.string(),
      resourceVersion: z.string(),
      labels: z.record(z.string(), z.string()).optional(),
    }),
  })
  .transform(({ metadata }): SecretHead => ({ ...metadata, labels: metadata.labels ?? {} }));

const bookmark = z.object({ metadata: z.object({ resourceVersion: z.string() }) });

const watchLine = z.discriminatedUnion("type", [
  z.object({ type: z.enum(["ADDED", "MODIFIED"]), object: secretHead }),
  z.object({ type: z.literal("DELETED"), object: secretHead }),
  z.object({ type: z.literal("BOOKMARK"), object: bookmark }),
  z.object({ type: z.literal("ERROR"), object: z.object({ code: z.number() }) }),
]);

export function listSecretHeads(
  api: Api,
  core: CoreV1Api,
  query: WatchQuery,
  signal: AbortSignal,
): Promise<Snapshot<SecretHead>> {
  const list = {
    target: targetOf("list", query),
    item: secretHead,
    limit: 500,
    invoke: (page: PageQuery, options: ConfigurationOptions) => ask(core, query, page, options),
    options: METADATA_ONLY,
  };
  return listSnapshot(api, list, signal);
}

export interface WatchFrom {
  readonly resourceVersion: string;
  /** When the server is to end the watch. */
  readonly timeoutSeconds: number;
  readonly silenceMs: number;
}

/** What happens after `resourceVersion`, from when the watch stands. `detail.status` 410: that is too long ago. */
export async function watchSecretHeads(
  api: Api,
  core: CoreV1Api,
  query: WatchQuery,
  { resourceVersion, timeoutSeconds, silenceMs }: WatchFrom,
  signal: AbortSignal,
): Promise<AsyncIterable<WatchEvent>> {
  const target = targetOf("watch", query);
  const asked = { watch: true, allowWatchBookmarks: true, resourceVersion, timeoutSeconds };
  const lines = await api.stream(target, (options) => ask(core, query, asked, options), silenceMs, signal, {
    headers: { Accept: "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1" },
  });
  return eventsOf(lines, target);
}

async function* eventsOf(lines: AsyncIterable<string>, target: ApiTarget): AsyncGenerator<WatchEvent> {
  for await (const line of lines) {
    const { type, object } = decode(line, target);
    switch (type) {
      case "ADDED":
      case "MODIFIED":
        yield { kind: "changed", ...object };
        break;
      case "DELETED":
        yield { kind: "deleted", ...object };
        break;
      case "BOOKMARK":
        yield { kind: "bookmark", resourceVersion: object.metadata.resourceVersion };
        break;
      case "ERROR":
        throw explainFault({ kind: "answer", status: object.code, reason: "Unknown" }, target);
    }
  }
}

function decode(line: string, target: ApiTarget): z.infer<typeof watchLine> {
  try {
    return watchLine.parse(JSON.parse(line));
  } catch {
    throw explainFault({ kind: "shape" }, target);
  }
}

type Asked = Parameters<CoreV1Api["listSecretForAllNamespaces"]>[0];

function ask(core: CoreV1Api, query: WatchQuery, asked: Asked, options: ConfigurationOptions): Promise<unknown> {
  const { namespace, ...selectors } = query;
  return namespace === undefined
    ? core.listSecretForAllNamespaces({ ...selectors, ...asked }, options)
    : core.listNamespacedSecret({ namespace, ...selectors, ...asked }, options);
}

function targetOf(verb: "list" | "watch", { namespace }: WatchQuery): ApiTarget {
  return { verb, resource: "secrets", ...(namespace === undefined ? {} : { namespace }) };
}
