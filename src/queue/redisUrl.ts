import { isIP } from "node:net";
import type { SecretValue } from "../core/secretValue.ts";
import { HelmwardenError } from "../errors.ts";

export interface RedisAddress {
  /** Host and port, for messages. */
  readonly shown: string;
  readonly options: {
    readonly host: string;
    readonly port: number;
    readonly db: number;
    readonly username?: string;
    readonly password?: string;
    readonly tls?: { readonly servername?: string };
  };
}

/** `redis[s]://[user[:password]@]host[:port][/database]`. ConfigInvalid otherwise, without a word of it. */
export function parseRedisUrl(url: SecretValue): RedisAddress {
  try {
    return parse(new URL(url.reveal()));
  } catch {
    throw new HelmwardenError(
      "ConfigInvalid",
      "The URL of the queue's Redis is not valid. Write redis://user:password@host:6379/0, or rediss:// for TLS, with special characters of the password percent-encoded.",
    );
  }
}

function parse({ protocol, hostname, port, pathname, username, password }: URL): RedisAddress {
  const database = pathname.slice(1) || "0";
  const tls = protocol === "rediss:";
  if ((!tls && protocol !== "redis:") || hostname === "" || !/^\d{1,5}$/.test(database))
    throw new Error("no Redis URL");
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  return {
    shown: `${hostname}:${port || 6379}`,
    options: {
      host,
      port: Number(port || 6379),
      db: Number(database),
      ...(username === "" ? {} : { username: decodeURIComponent(username) }),
      ...(password === "" ? {} : { password: decodeURIComponent(password) }),
      ...(tls ? { tls: isIP(host) ? {} : { servername: host } } : {}),
    },
  };
}
