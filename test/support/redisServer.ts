// A real redis-server on loopback that a test stops, kills, freezes, flushes and fills.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { Redis } from "ioredis";
import { clusterBinary, redisBinary } from "./binaries.ts";
import { type ServerProcess, startProcess, waitUntil } from "./process.ts";

export interface RedisServerOptions {
  /** Its log, dump and certificates go here; made if it is missing. */
  readonly dir: string;
  /** More of its own arguments, as `--requirepass x`. */
  readonly args?: readonly string[];
  /** A configuration file, which it may rewrite. */
  readonly config?: string;
  /** Listen by TLS, with a certificate of a CA of its own. */
  readonly tls?: boolean;
  /** User and password as they stand in a URL: `user:password@`. */
  readonly login?: string;
}

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Only with `tls`. */
  readonly caFile?: string;
  readonly pid: () => number;
  /** Runs commands on a connection of its own. */
  with<T>(work: (client: Redis) => Promise<T>): Promise<T>;
  flush(): Promise<void>;
  /** No write fits any more, until `makeRoom`. */
  fill(): Promise<void>;
  makeRoom(): Promise<void>;
  /** Writes everything to disk and gives the file's bytes as Latin-1 text. */
  dump(): Promise<string>;
  /** Ends it; what it holds is saved with SIGTERM, lost with SIGKILL. */
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** On the same port again. */
  start(): Promise<void>;
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function startRedis(options: RedisServerOptions): Promise<RedisServer> {
  const { dir, args = [], tls = false, login = "" } = options;
  mkdirSync(dir, { recursive: true });
  const port = await freePort();
  const pki = join(dir, "pki");
  if (tls) execFileSync(clusterBinary(), ["certs", pki]);
  const files = ["--tls-cert-file", `${pki}/server.crt`, "--tls-key-file", `${pki}/server.key`];
  const listen = tls
    ? [
        "--port",
        "0",
        "--tls-port",
        String(port),
        "--tls-auth-clients",
        "no",
        ...files,
        "--tls-ca-cert-file",
        `${pki}/ca.crt`,
      ]
    : ["--port", String(port)];
  const url = `redis${tls ? "s" : ""}://${login}127.0.0.1:${port}/0`;
  let server: ServerProcess | undefined;

  const redis: RedisServer = {
    port,
    url,
    ...(tls ? { caFile: join(pki, "ca.crt") } : {}),
    pid: () => server?.pid ?? -1,
    async with(work) {
      const trusted = tls ? { tls: { ca: readFileSync(join(pki, "ca.crt")) } } : {};
      const client = new Redis(url, { ...trusted, retryStrategy: () => null });
      client.on("error", () => {});
      try {
        return await work(client);
      } finally {
        client.disconnect();
      }
    },
    async flush() {
      await redis.with((client) => client.flushall());
    },
    async fill() {
      await redis.with((client) => client.config("SET", "maxmemory", "1"));
    },
    async makeRoom() {
      await redis.with((client) => client.config("SET", "maxmemory", "0"));
    },
    async dump() {
      await redis.with((client) => client.save());
      return readFileSync(join(dir, "dump.rdb"), "latin1");
    },
    async stop(signal = "SIGTERM") {
      await server?.end(signal);
    },
    async start() {
      server = startProcess({
        name: "redis",
        program: redisBinary(),
        args: [
          ...(options.config === undefined ? [] : [options.config]),
          "--bind",
          "127.0.0.1",
          ...listen,
          "--dir",
          dir,
          "--rdbcompression",
          "no",
          ...args,
        ],
        logFile: join(dir, "redis.log"),
      });
      const limits = { processes: [server], timeoutMs: 10_000 };
      await waitUntil("redis answers", async () => (await redis.with((client) => client.ping())) === "PONG", limits);
    },
  };
  await redis.start();
  return redis;
}
