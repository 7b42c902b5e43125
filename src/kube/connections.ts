import { isDeepStrictEqual } from "node:util";
import type { DispatcherOptions } from "@kubernetes/client-node";
import type { buildConnector, Dispatcher } from "undici";
import type * as Libraries from "./libraries.ts";

/** The sockets to one cluster, shared by all calls. */
export interface Connections {
  /** The pool for this TLS material: the same one until a certificate is rotated. */
  pool(options: DispatcherOptions): Dispatcher;
  /** The next call goes over a new socket: those that are open may be as dead as one that fell silent. */
  renew(): void;
  close(): Promise<void>;
}

const LIMITS = {
  connections: 16,
  // HTTP/1.1: one lost HTTP/2 connection would fail every call that it carries.
  allowH2: false,
  keepAliveTimeout: 30_000,
  headersTimeout: 60_000,
  bodyTimeout: 60_000,
};

/**
 * One pool per cluster. The client by itself makes a new Agent, and so a new TLS connection, for every request
 * (measured: 50 reads, 50 handshakes).
 */
export function createConnections(k: typeof Libraries): Connections {
  let current: { options: DispatcherOptions; dispatcher: Dispatcher } | undefined;
  const closing = new Set<Promise<void>>();

  const retire = (dispatcher: Dispatcher): void => {
    const closed = dispatcher.close().catch(() => {});
    closing.add(closed);
    void closed.then(() => closing.delete(closed));
  };
  const renew = (): void => {
    if (current !== undefined) retire(current.dispatcher);
    current = undefined;
  };
  return {
    renew,
    pool(options) {
      if (current === undefined || !isDeepStrictEqual(current.options, options)) {
        renew();
        current = { options, dispatcher: open(k, options) };
      }
      return current.dispatcher;
    },
    async close() {
      await current?.dispatcher.destroy();
      current = undefined;
      await Promise.all(closing);
    },
  };
}

/** The client and undici spell the same TLS options with different optional fields. */
type TlsOptions = buildConnector.BuildOptions;

function open(k: typeof Libraries, options: DispatcherOptions): Dispatcher {
  switch (options.type) {
    case "none":
      return new k.Agent({ ...LIMITS });
    case "agent":
      return new k.Agent({ ...LIMITS, connect: options.connect as TlsOptions });
    case "proxy":
    case "socks":
      return new k.ProxyAgent({ ...LIMITS, uri: options.uri, requestTls: options.requestTls as TlsOptions });
  }
}
