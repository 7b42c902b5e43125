import type { RedisOptions } from "ioredis";
import type { TlsSpec } from "../core/rotation/policy.ts";
import { type ErrorCode, HelmwardenError } from "../errors.ts";
import type { Login } from "./database.ts";
import { type Encryption, encryptionsOf } from "./databaseTls.ts";

export interface RedisServer {
  /** For messages. */
  readonly shown: string;
  readonly host: string;
  readonly port: number;
  readonly tls: TlsSpec;
}

export interface RedisSession {
  /** One command. Answers and faults are Redis's own; `withRedis` turns a fault into ours. */
  ask(...words: readonly [string, ...string[]]): Promise<unknown>;
  readonly isEncrypted: boolean;
}

const CONNECT_MS = 5_000;
const SESSION_MS = 20_000;

/** What Redis, or the way to it, objects to. */
const FAULTS = {
  login: ["TargetRefused", "does not let the user in. Correct the user's name or its password"],
  forbidden: ["TargetRefused", "does not allow it. docs/rotation-targets.md lists the rights that it needs"],
  refused: ["TargetRefused", "refuses a command. See whether it is Redis 6 or later, or Valkey"],
  untrusted: ["TargetUnavailable", "shows a certificate that is not trusted. Set `tls.caFile` to its CA"],
  unavailable: ["TargetUnavailable", "cannot be reached, or broke off. What was asked is tried again"],
} as const satisfies Record<string, readonly [ErrorCode, string]>;

export type RedisFault = keyof typeof FAULTS;

/** By the word in capitals that Redis's answers begin with. */
const BY_WORD: Readonly<Record<string, RedisFault>> = {
  WRONGPASS: "login",
  NOAUTH: "login",
  NOPERM: "forbidden",
  DENIED: "forbidden",
  LOADING: "unavailable",
  MASTERDOWN: "unavailable",
  BUSY: "unavailable",
};

/** Logs in on a connection of its own, works, and leaves. */
export async function withRedis<T>(
  server: RedisServer,
  { user, password }: Login,
  signal: AbortSignal,
  work: (session: RedisSession) => Promise<T>,
): Promise<T> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(SESSION_MS)]);
  try {
    const encryption = await encryptionOf(server, deadline);
    return await connected(server, encryption, deadline, async (ask) => {
      await ask("AUTH", user, password.reveal());
      return await work({ ask, isEncrypted: encryption !== undefined });
    });
  } catch (caught) {
    if (caught instanceof HelmwardenError) throw caught;
    if (signal.aborted)
      throw new HelmwardenError(
        "Cancelled",
        `The work at ${server.shown} was cancelled before it ended; run it again.`,
      );
    const fault = faultOf(caught);
    const [code, text] = FAULTS[fault];
    throw new HelmwardenError(code, `${server.shown}, asked as the user ${JSON.stringify(user)}, ${text}.`, { fault });
  }
}

export function isRedisFault(caught: unknown, fault: RedisFault): boolean {
  return caught instanceof HelmwardenError && caught.detail["fault"] === fault;
}

/** A port of Redis speaks TLS or the clear, and waits for ever for the rest of a handshake: so the clear is tried first. */
async function encryptionOf(server: RedisServer, signal: AbortSignal): Promise<Encryption | undefined> {
  const [first, ...others] = await encryptionsOf(server.tls);
  if (others.length === 0) return first;
  const isClear = await connected(server, undefined, signal, (ask) => ask("PING")).then(
    () => true,
    (caught: unknown) => isReply(caught),
  );
  return isClear ? undefined : first;
}

type Ask = RedisSession["ask"];

async function connected<T>(
  { host, port }: RedisServer,
  encryption: Encryption | undefined,
  signal: AbortSignal,
  work: (ask: Ask) => Promise<T>,
): Promise<T> {
  const { Redis } = await import("ioredis");
  signal.throwIfAborted();
  const client = new Redis({ ...CONNECTION, host, port, ...tlsOf(encryption, host) });
  let lastError: unknown;
  client.on("error", (error) => (lastError = error));
  const abort = (): void => client.disconnect();
  signal.addEventListener("abort", abort, { once: true });
  try {
    await client.connect();
    return await work((command, ...words) => client.call(command, [...words]));
  } catch (caught) {
    // "Connection is closed." is all that a failed handshake leaves for the caller.
    throw isReply(caught) || caught instanceof HelmwardenError ? caught : (lastError ?? caught);
  } finally {
    signal.removeEventListener("abort", abort);
    client.disconnect();
  }
}

/** No retries, no queue: what cannot be sent now fails. */
const CONNECTION = {
  // HELLO 3 is refused before a login.
  protocol: 2 as const,
  disableClientInfo: true,
  lazyConnect: true,
  retryStrategy: (): null => null,
  maxRetriesPerRequest: 0,
  enableReadyCheck: false,
  enableOfflineQueue: false,
  connectTimeout: CONNECT_MS,
} satisfies RedisOptions;

function tlsOf(encryption: Encryption | undefined, host: string): Pick<RedisOptions, "tls"> {
  if (encryption === undefined) return {};
  const { ca, checksChain, checksName } = encryption;
  const name = /^[\d.]+$|:/.test(host) ? {} : { servername: host };
  const anyName = checksName ? {} : { checkServerIdentity: () => undefined };
  return { tls: { ...name, ...anyName, ...(ca === undefined ? {} : { ca }), rejectUnauthorized: checksChain } };
}

function isReply(caught: unknown): caught is Error {
  return caught instanceof Error && caught.name === "ReplyError";
}

/** The word in capitals that a refusal of Redis begins with; undefined: it is something else. */
export function refusalWord(caught: unknown): string | undefined {
  return isReply(caught) ? /^[A-Z]+/.exec(caught.message)?.[0] : undefined;
}

/** The text of a foreign error is looked at here and goes nowhere. */
function faultOf(caught: unknown): RedisFault {
  if (isReply(caught)) {
    if (caught.message.includes("max number of clients")) return "unavailable";
    return BY_WORD[refusalWord(caught) ?? ""] ?? "refused";
  }
  const code = caught instanceof Error && "code" in caught ? String(caught.code) : "";
  return /CERT|SIGNATURE|ALTNAME|ISSUER/.test(code) ? "untrusted" : "unavailable";
}
