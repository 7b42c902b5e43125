// An https server between a client and the real API server: it counts, and fails where a test tells it to.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { Agent, createServer, request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { clusterBinary } from "./binaries.ts";
import { readAccess } from "./clusterApi.ts";

export type ProxyFault =
  /** Answers itself; the real server is not asked. */
  | {
      readonly kind: "status";
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    }
  /** Asks the real server after so many milliseconds. */
  | { readonly kind: "delay"; readonly ms: number }
  /** Cuts the connection; the real server is not asked. */
  | { readonly kind: "reset" }
  /** Lets the real server do it, then cuts the connection before the answer. */
  | { readonly kind: "lose" }
  /** Never answers; the real server is not asked. */
  | { readonly kind: "hang" }
  /** Answers 200 and never says what; the real server is not asked. */
  | { readonly kind: "mute" };

export interface FaultRule {
  readonly method?: string;
  /** Matched against path and query. */
  readonly path: RegExp;
  /** How often; for ever if not told. */
  readonly times?: number;
  readonly fault: ProxyFault;
}

export interface ProxiedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

export interface FaultProxy {
  readonly server: string;
  readonly requests: readonly ProxiedRequest[];
  /** Empties `requests`. */
  forget(): void;
  /** TLS connections accepted so far. */
  readonly connections: number;
  /** The first rule that matches and is not used up decides. Gives back how to take it away. */
  inject(rule: FaultRule): () => void;
  clear(): void;
  /** Called for each request before anything else, for what a test wants to happen in between. */
  onRequest: (request: ProxiedRequest) => void | Promise<void>;
  /** Called when the real server has answered, before the client hears of it. */
  onAnswer: (request: ProxiedRequest) => void | Promise<void>;
  /**
   * Writes a kubeconfig whose only context, "proxy", leads here. Without a token its user is the admin of the
   * kubeconfig behind; `ca: "other"` names a CA that did not sign the proxy's certificate.
   */
  kubeconfig(path: string, options?: { token?: string; ca?: "other" }): string;
  close(): Promise<void>;
}

/** A proxy before the cluster of this kubeconfig, with a CA of its own. */
export async function startFaultProxy(kubeconfig: string): Promise<FaultProxy> {
  const { server: target, ...admin } = readAccess(kubeconfig);
  const pki = mkdtempSync(join(tmpdir(), "helmwarden-proxy-"));
  await promisify(execFile)(clusterBinary(), ["certs", pki]);
  const file = (name: string): Buffer => readFileSync(join(pki, name));
  const asAdmin = new Agent({ ...admin, keepAlive: true });
  const asTokenBearer = new Agent({ ca: admin.ca, keepAlive: true });
  const requests: ProxiedRequest[] = [];
  const rules = new Set<{ rule: FaultRule; left: number }>();
  let connections = 0;

  const server = createServer({ cert: file("server.crt"), key: file("server.key") }, (asked, reply) => {
    void serve(asked, reply).catch(() => asked.socket.destroy());
  });
  server.on("secureConnection", () => (connections += 1));

  const serve = async (asked: IncomingMessage, reply: ServerResponse): Promise<void> => {
    const { method = "", url: path = "", headers } = asked;
    requests.push({ method, path, headers });
    await proxy.onRequest({ method, path, headers });
    const fault = nextFault(rules, method, path);
    switch (fault?.kind) {
      case "status":
        asked.resume();
        reply.writeHead(fault.status, { "content-type": "application/json", ...fault.headers }).end(fault.body ?? "{}");
        return;
      case "reset":
        asked.socket.destroy();
        return;
      case "hang":
        asked.resume();
        return;
      case "mute":
        asked.resume();
        reply.writeHead(200, { "content-type": "application/json" }).flushHeaders();
        return;
      case "delay":
        setTimeout(() => forward(asked, reply, false), fault.ms);
        return;
      case "lose":
      case undefined:
        forward(asked, reply, fault?.kind === "lose");
    }
  };

  const forward = (asked: IncomingMessage, reply: ServerResponse, lose: boolean): void => {
    const { method = "", url: path = "", headers } = asked;
    const agent = headers.authorization === undefined ? asAdmin : asTokenBearer;
    const onward = httpsRequest(`${target}${path}`, { method, headers, agent }, (answer) => {
      if (lose) {
        answer.resume().on("end", () => asked.socket.destroy());
        return;
      }
      void pass(answer, { method, path, headers }, reply);
    });
    onward.on("error", () => asked.socket.destroy());
    reply.on("close", () => onward.destroy());
    asked.pipe(onward);
  };

  const pass = async (answer: IncomingMessage, asked: ProxiedRequest, reply: ServerResponse): Promise<void> => {
    await proxy.onAnswer(asked);
    // A watch has begun before its first event.
    reply.writeHead(answer.statusCode ?? 500, answer.headers).flushHeaders();
    answer.pipe(reply);
  };

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const proxy: FaultProxy = {
    server: address,
    requests,
    forget: () => void requests.splice(0),
    get connections() {
      return connections;
    },
    inject(rule) {
      const entry = { rule, left: rule.times ?? Infinity };
      rules.add(entry);
      return () => rules.delete(entry);
    },
    clear: () => rules.clear(),
    onRequest: () => {},
    onAnswer: () => {},
    kubeconfig(path, { token, ca } = {}) {
      const authority = file(ca === "other" ? "front-proxy-ca.crt" : "ca.crt").toString("base64");
      writeFileSync(path, JSON.stringify(kubeconfigOf(address, authority, token)), { mode: 0o600 });
      return path;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      asAdmin.destroy();
      asTokenBearer.destroy();
      rmSync(pki, { recursive: true, force: true });
    },
  };
  return proxy;
}

function nextFault(
  rules: Set<{ rule: FaultRule; left: number }>,
  method: string,
  path: string,
): ProxyFault | undefined {
  for (const entry of rules) {
    const { rule } = entry;
    if (entry.left === 0 || (rule.method !== undefined && rule.method !== method) || !rule.path.test(path)) continue;
    entry.left -= 1;
    return rule.fault;
  }
  return undefined;
}

function kubeconfigOf(server: string, authority: string, token: string | undefined): object {
  const name = "proxy";
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server, "certificate-authority-data": authority } }],
    users: [{ name, user: token === undefined ? {} : { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  };
}
