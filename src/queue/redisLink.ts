import { once } from "node:events";
import type { Redis } from "ioredis";
import { HelmwardenError } from "../errors.ts";
import type { Log } from "../ports.ts";
import { queueUnavailable, type RedisFault, redisFaultOf } from "./redisFault.ts";
import type * as Libraries from "./redisLibraries.ts";
import type { RedisAddress } from "./redisUrl.ts";

const CALL_MS = 3_000;
const LONGEST_RETRY_MS = 1_000;

/** The connections to one Redis, and what is known of its health. */
export interface RedisLink {
  readonly client: Redis;
  /** Makes the call within three seconds, connecting included. QueueUnavailable or Cancelled otherwise. */
  call<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** As `call`, for one that writes: its success proves that Redis is whole again. */
  write<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Takes an error event of BullMQ. True if it is Redis that refuses, and asking at once again is in vain. */
  readonly isRefusal: (caught: unknown) => boolean;
  /** Cuts all connections at once. */
  close(): void;
}

/** Connects in the background and for ever. Tells the log once when Redis goes and once when it is back. */
export function openRedisLink(libraries: typeof Libraries, { options, shown }: RedisAddress, log: Log): RedisLink {
  const client = new libraries.Redis({
    ...options,
    maxRetriesPerRequest: null,
    connectTimeout: CALL_MS,
    retryStrategy: (attempt) => Math.min(LONGEST_RETRY_MS, 50 * 2 ** attempt) * (0.75 + Math.random() / 4),
  });
  const connections: Redis[] = [client];
  const health = createHealth(shown, log);
  let closed = false;

  const watch = (connection: Redis): void => {
    connection.on("error", (caught) => closed || health.broken(redisFaultOf(caught)));
  };
  watch(client);
  client.on("close", () => closed || health.broken("unreachable"));
  client.on("ready", () => health.connected());
  // BullMQ makes its blocking connections this way and cannot always end them: we can.
  const duplicate = client.duplicate.bind(client);
  client.duplicate = (override) => {
    const connection = duplicate(override);
    connections.push(connection);
    watch(connection);
    return connection;
  };

  const call: RedisLink["call"] = async (work, signal) => {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(CALL_MS)]);
    try {
      if (closed) throw new Error("closed");
      deadline.throwIfAborted();
      if (client.status !== "ready") await once(client, "ready", { signal: deadline });
      return await unlessAborted(work(), deadline);
    } catch (caught) {
      if (signal.aborted) throw cancelled();
      const fault = deadline.aborted ? whatHangs(client) : redisFaultOf(caught);
      // A connection that is open but dead would otherwise be found out by TCP in a quarter of an hour.
      if (deadline.aborted && client.status === "ready") client.disconnect(true);
      if (!closed) health.broken(fault);
      throw queueUnavailable(fault, shown);
    }
  };

  return {
    client,
    call,
    async write(work, signal) {
      const outcome = await call(work, signal);
      health.whole();
      return outcome;
    },
    isRefusal(caught) {
      const fault = redisFaultOf(caught);
      if (closed || fault === "unreachable") return false;
      health.broken(fault);
      return true;
    },
    close() {
      closed = true;
      for (const connection of connections) connection.disconnect();
    },
  };
}

/** Without a connection the address is to blame, with one the server. */
function whatHangs({ status }: Redis): RedisFault {
  return status === "ready" || status === "connect" ? "silent" : "unreachable";
}

interface Health {
  broken(fault: RedisFault): void;
  connected(): void;
  whole(): void;
}

function createHealth(address: string, log: Log): Health {
  let fault: RedisFault | undefined;
  const whole = (): void => {
    if (fault !== undefined) log.info("The queue's Redis can be used again.", { address });
    fault = undefined;
  };
  return {
    broken(next) {
      if (fault === undefined) log.warn("The queue's Redis cannot be used.", { address, fault: next });
      fault ??= next;
    },
    connected() {
      if (fault !== "full") whole();
    },
    whole,
  };
}

/** The outcome of `work`, or a rejection when the signal aborts first; the work itself goes on. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new Error("aborted"));
    signal.addEventListener("abort", abort, { once: true });
    void work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

function cancelled(): HelmwardenError {
  return new HelmwardenError("Cancelled", "The call to the queue was cancelled. Make it again.");
}
