import type { ReleaseKey, ReleaseStatus, Revision } from "../core/release.ts";
import type { ListedSecret, ReleaseReading } from "../ports.ts";
import { decodeRelease } from "./decodeRelease.ts";
import { chooseHeads, headsOf, type StoredHead } from "./storageHeads.ts";

/** A reading, and what it was read from. */
export interface DecodedHeads {
  readonly reading: ReleaseReading;
  readonly lastVersion: string;
  readonly baseVersion: string | undefined;
  readonly lastStatus: ReleaseStatus | undefined;
}

type Payloads = ReadonlyMap<string, ListedSecret>;

/** Undefined: corrupt. */
type Decoded = { readonly revision: Revision | undefined };

/**
 * Decodes the newest revision and, chosen with its status, the base. Undefined where a payload is gone or is not
 * that of its head any more: somebody wrote in between, and the heads are to be listed again.
 */
export async function decodeHeads(
  key: ReleaseKey,
  heads: readonly StoredHead[],
  load: (wanted: readonly StoredHead[]) => Promise<Payloads>,
): Promise<DecodedHeads | undefined> {
  const guess = chooseHeads(heads);
  if (guess === undefined) return undefined;
  const payloads = await load(headsOf(guess));
  const last = decodeHead(guess.last, payloads);
  if (last === undefined) return undefined;
  const lastStatus = last.revision?.status;
  const baseHead = chooseHeads(heads, lastStatus)?.base;
  const base = await decodeBase(baseHead, guess.last, last, payloads, load);
  if (base === undefined) return undefined;
  return {
    reading: readingOf(key, guess.last, last.revision, baseHead, base.revision),
    lastVersion: guess.last.resourceVersion,
    baseVersion: baseHead?.resourceVersion,
    lastStatus,
  };
}

async function decodeBase(
  head: StoredHead | undefined,
  lastHead: StoredHead,
  last: Decoded,
  payloads: Payloads,
  load: (wanted: readonly StoredHead[]) => Promise<Payloads>,
): Promise<Decoded | undefined> {
  if (head === undefined) return { revision: undefined };
  if (head === lastHead) return last;
  return decodeHead(head, payloads.has(head.id) ? payloads : await load([head]));
}

function decodeHead(head: StoredHead, payloads: Payloads): Decoded | undefined {
  const payload = payloads.get(head.id);
  if (payload?.resourceVersion !== head.resourceVersion) return undefined;
  const decoded = decodeRelease(payload.data.open()["release"] ?? "");
  if (decoded === undefined) return { revision: undefined };
  const { namespace, name, ...rest } = decoded;
  const isItself = namespace === head.namespace && name === head.release && rest.revision === head.revision;
  return { revision: isItself ? { ...rest, resourceVersion: head.resourceVersion, labels: head.labels } : undefined };
}

function readingOf(
  key: ReleaseKey,
  lastHead: StoredHead,
  last: Revision | undefined,
  baseHead: StoredHead | undefined,
  base: Revision | undefined,
): ReleaseReading {
  if (last === undefined) return { kind: "corrupt", revision: lastHead.revision };
  if (baseHead !== undefined && base === undefined) return { kind: "corrupt", revision: baseHead.revision };
  return { kind: "found", release: { key, last, base } };
}
