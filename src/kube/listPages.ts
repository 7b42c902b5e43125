import type { ConfigurationOptions } from "@kubernetes/client-node";
import { z } from "zod";
import { type Api, type CallOptions, statusOf } from "./api.ts";
import type { ApiTarget } from "./explainFault.ts";

export interface PageQuery {
  readonly limit: number;
  readonly _continue?: string;
}

export interface ListCall<T> {
  readonly target: ApiTarget;
  readonly item: z.ZodType<T>;
  readonly limit: number;
  readonly invoke: (page: PageQuery, options: ConfigurationOptions) => Promise<unknown>;
  readonly options?: CallOptions;
}

/** Asks for metadata only: no payload crosses the wire. Permissions are those of a full list. */
export const METADATA_ONLY: CallOptions = {
  headers: { Accept: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1" },
};

const RESTARTS = 3;
const GONE = 410;

/** The items of `listSnapshot`. */
export async function listPages<T>(api: Api, list: ListCall<T>, signal: AbortSignal): Promise<readonly T[]> {
  return (await listSnapshot(api, list, signal)).items;
}

export interface Snapshot<T> {
  readonly items: readonly T[];
  /** The moment that all pages show; a watch goes on from it. */
  readonly resourceVersion: string;
}

/** All items, page by page. Starts again when the server has forgotten the page token (410), at most three times. */
export async function listSnapshot<T>(api: Api, list: ListCall<T>, signal: AbortSignal): Promise<Snapshot<T>> {
  const page = z.object({
    metadata: z.object({ continue: z.string().optional(), resourceVersion: z.string() }),
    items: z.array(list.item).nullish(),
  });
  for (let restarts = 0; ; restarts += 1) {
    const items: T[] = [];
    let resourceVersion = "";
    let token: string | undefined;
    try {
      do {
        const query = token === undefined ? { limit: list.limit } : { limit: list.limit, _continue: token };
        const answer = await api.call(
          list.target,
          page,
          (options) => list.invoke(query, options),
          signal,
          list.options,
        );
        for (const item of answer.items ?? []) items.push(item);
        ({ resourceVersion } = answer.metadata);
        token = answer.metadata.continue || undefined;
      } while (token !== undefined);
      return { items, resourceVersion };
    } catch (caught) {
      if (statusOf(caught) !== GONE || restarts === RESTARTS) throw caught;
    }
  }
}
