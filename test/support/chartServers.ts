// Where charts come from: a repository (index.yaml and archives over HTTP), and as much of an OCI registry as helm asks for.
import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import { clusterBinary } from "./binaries.ts";

export interface ChartServer {
  /** `http://…` or `oci://…`. */
  readonly url: string;
  /** `GET /index.yaml`, in their order. */
  readonly requests: readonly string[];
  /** Only of the registry: the CA that signed its certificate. */
  readonly caFile?: string;
  close(): Promise<void>;
}

/** Serves the files of a folder; `helm repo index` makes its index. */
export async function startChartRepository(dir: string): Promise<ChartServer> {
  const requests: string[] = [];
  const server = createServer((request, reply) => {
    requests.push(`${request.method} ${request.url}`);
    try {
      reply.end(readFileSync(join(dir, basename(request.url ?? ""))));
    } catch {
      reply.writeHead(404).end();
    }
  });
  return { ...(await listening(server, (port) => `http://127.0.0.1:${port}`)), requests };
}

/**
 * Holds in memory what `helm push` brings. HTTPS, as helm takes no other by itself; but helm 3 asks a registry on this
 * machine by plain HTTP, whatever it is told, so for helm 3 it is that.
 */
export async function startRegistry(dir: string, major: 3 | 4): Promise<ChartServer> {
  const pki = join(dir, "registry-pki");
  mkdirSync(pki, { recursive: true });
  await promisify(execFile)(clusterBinary(), ["certs", pki]);
  const file = (name: string): string => join(pki, name);
  const requests: string[] = [];
  const answer = createRegistry();
  const listener: RequestListener = (request, reply) => {
    requests.push(`${request.method} ${request.url}`);
    void answer(request, reply).catch(() => reply.destroy());
  };
  const keys = { cert: readFileSync(file("server.crt")), key: readFileSync(file("server.key")) };
  const server = major === 3 ? createServer(listener) : createTlsServer(keys, listener);
  return {
    ...(await listening(server, (port) => `oci://127.0.0.1:${port}/charts`)),
    requests,
    caFile: file("ca.crt"),
  };
}

async function listening(
  server: Server | ReturnType<typeof createTlsServer>,
  urlOf: (port: number) => string,
): Promise<Pick<ChartServer, "url" | "close">> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: urlOf((server.address() as AddressInfo).port),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

interface Kept {
  readonly bytes: Buffer;
  readonly type: string;
}

/** As in https://github.com/opencontainers/distribution-spec/blob/main/spec.md: pull and push, whole blobs only. */
function createRegistry(): (request: IncomingMessage, reply: ServerResponse) => Promise<void> {
  const kept = new Map<string, Kept>();
  const keep = (at: readonly string[], { bytes, type }: Kept): string => {
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    for (const path of [...at, at[0]!.replace(/[^/]*$/, digest)]) kept.set(path, { bytes, type });
    return digest;
  };
  return async (request, reply) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "https://registry");
    const type = request.headers["content-type"] ?? "application/octet-stream";
    const body = await buffer(request);
    const blobs = /^(\/v2\/.+\/blobs\/)uploads\//.exec(pathname)?.[1];
    if (pathname === "/v2/") reply.end("{}");
    else if (request.method === "POST" && blobs !== undefined)
      reply.writeHead(202, { location: `${blobs}uploads/${randomUUID()}` }).end();
    else if (request.method === "PUT") {
      const digest = keep([blobs === undefined ? pathname : `${blobs}${searchParams.get("digest")}`], {
        bytes: body,
        type,
      });
      reply.writeHead(201, { location: pathname, "docker-content-digest": digest }).end();
    } else send(kept.get(pathname), request.method === "HEAD", reply);
  };
}

function send(found: Kept | undefined, isHead: boolean, reply: ServerResponse): void {
  if (found === undefined) {
    const errors = [{ code: "MANIFEST_UNKNOWN", message: "not found" }];
    reply.writeHead(404, { "content-type": "application/json" }).end(JSON.stringify({ errors }));
    return;
  }
  const { bytes, type } = found;
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  reply.writeHead(200, {
    "content-type": type,
    "content-length": bytes.length,
    "docker-content-digest": digest,
  });
  reply.end(isHead ? undefined : bytes);
}
