import type { CoreV1Api } from "@kubernetes/client-node";
import { HelmwardenError, toHelmwardenError } from "../errors.ts";
import type { Clock, Log, SecretEvent, WatchQuery, WatchSecrets, WatchState } from "../ports.ts";
import { type Api, statusOf } from "./api.ts";
import { createKnownSecrets } from "./knownSecrets.ts";
import { listSecretHeads, watchSecretHeads } from "./secretHeads.ts";

export interface WatchTiming {
  /** Lists anew about so often (a tenth more or less), whatever the watch says. */
  readonly relistMs: number;
  /** The server sends a bookmark about every minute, so a watch that says nothing for so long is dead. */
  readonly silenceMs: number;
}

const TIMING: WatchTiming = { relistMs: 300_000, silenceMs: 90_000 };
const LONGEST_WAIT_MS = 10_000;
/** A watch that ends sooner was refused in silence; one that lived longer starts the back-off anew. */
const SHORTEST_MS = 500;
const LONG_MS = 30_000;
/** How long we wait for the server to end the watch as it was asked to. */
const GRACE_MS = 5_000;

/** A watch of our own: the client's dies in silence, asks for no bookmarks and holds every object in memory. */
export function createWatchSecrets(
  api: Api,
  core: CoreV1Api,
  deps: { readonly clock: Clock; readonly log: Log },
  timing: Partial<WatchTiming> = {},
): WatchSecrets {
  return (query, onEvent, signal) => {
    const watch = createWatch(api, core, { ...TIMING, ...timing }, deps.clock, query, onEvent, signal);
    return { done: keepWatching(watch, deps, query, signal), state: () => watch.state() };
  };
}

interface Watch {
  /** Lists if it is time to, then watches until it is time again. Throws when the watch breaks. */
  follow(onStanding: () => void): Promise<void>;
  state(): WatchState;
}

function createWatch(
  api: Api,
  core: CoreV1Api,
  { relistMs, silenceMs }: WatchTiming,
  clock: Clock,
  query: WatchQuery,
  onEvent: (event: SecretEvent) => void,
  signal: AbortSignal,
): Watch {
  const known = createKnownSecrets();
  let resumeFrom: string | undefined;
  let relistAt = 0;
  let heardAt = clock.monotonic();
  let isStanding = false;

  const relist = async (): Promise<string> => {
    const { items, resourceVersion } = await listSecretHeads(api, core, query, signal);
    heardAt = clock.monotonic();
    relistAt = heardAt + relistMs * (0.9 + Math.random() / 5);
    isStanding = true;
    for (const event of known.compare(items)) onEvent(event);
    return resourceVersion;
  };

  const watchOn = async (resourceVersion: string, forMs: number, onStanding: () => void): Promise<void> => {
    const from = { resourceVersion, timeoutSeconds: Math.ceil(forMs / 1000), silenceMs };
    const until = AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(forMs) + GRACE_MS)]);
    const events = await watchSecretHeads(api, core, query, from, until);
    isStanding = true;
    onStanding();
    for await (const event of events) {
      heardAt = clock.monotonic();
      resumeFrom = event.resourceVersion;
      if (event.kind !== "bookmark" && known.learn(event)) onEvent(event);
    }
  };

  return {
    async follow(onStanding) {
      try {
        // The server ends a watch by whole seconds.
        if (relistAt - clock.monotonic() < 1_000) resumeFrom = undefined;
        resumeFrom ??= await relist();
        const startedAt = clock.monotonic();
        await watchOn(resumeFrom, relistAt - startedAt, onStanding);
        if (clock.monotonic() - startedAt < SHORTEST_MS) throw endedAtOnce();
      } catch (caught) {
        isStanding = false;
        // Whatever the server has against this version, a list gives us another.
        if (statusOf(caught) !== undefined) resumeFrom = undefined;
        throw caught;
      }
    },
    state() {
      const ageMs = clock.monotonic() - heardAt;
      return { ageMs, healthy: isStanding && ageMs < 2 * relistMs };
    },
  };
}

async function keepWatching(
  watch: Watch,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  query: WatchQuery,
  signal: AbortSignal,
): Promise<void> {
  const fields = { namespace: query.namespace ?? "*", labels: query.labelSelector ?? "" };
  let failures = 0;
  let isAnnounced = false;
  const onStanding = (): void => {
    if (isAnnounced) log.info("A watch of Secrets stands again", fields);
    isAnnounced = false;
  };
  while (!signal.aborted) {
    const startedAt = clock.monotonic();
    try {
      await watch.follow(onStanding);
      failures = 0;
    } catch (caught) {
      if (signal.aborted) return;
      failures = clock.monotonic() - startedAt > LONG_MS ? 1 : failures + 1;
      // A cut that heals at the first attempt is nobody's concern.
      if (failures === 2) {
        const { code, message } = toHelmwardenError(caught);
        log.warn("A watch of Secrets is broken; we keep trying", { ...fields, code, why: message });
        isAnnounced = true;
      }
      const wait = Math.min(LONGEST_WAIT_MS, 250 * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
      await clock.sleep(wait, signal).catch(() => {});
    }
  }
}

function endedAtOnce(): HelmwardenError {
  return new HelmwardenError(
    "ClusterUnavailable",
    "The cluster ends a watch as soon as it begins. See the state of its API server, and what stands before it.",
  );
}
