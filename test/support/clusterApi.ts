// Calls to a test cluster as its admin, without any code of ours.
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { call, type HttpAnswer } from "./http.ts";

export interface ClusterAccess {
  readonly server: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

interface Kubeconfig {
  readonly clusters: readonly { cluster: { server: string; "certificate-authority-data": string } }[];
  readonly users: readonly { user: { "client-certificate-data": string; "client-key-data": string } }[];
}

/** Reads a kubeconfig of one cluster and one user with a client certificate, as k3s and our control plane write it. */
export function readAccess(kubeconfig: string): ClusterAccess {
  const { clusters, users } = parse(readFileSync(kubeconfig, "utf8")) as Kubeconfig;
  const cluster = clusters[0]!.cluster;
  const user = users[0]!.user;
  return {
    server: cluster.server,
    ca: decode(cluster["certificate-authority-data"]),
    cert: decode(user["client-certificate-data"]),
    key: decode(user["client-key-data"]),
  };
}

export type ClusterApi = (method: string, path: string, body?: unknown, contentType?: string) => Promise<HttpAnswer>;

/** Throws on anything but 2xx and 404, so that a test's own preparation never fails in silence. */
export function clusterApi(kubeconfig: string): ClusterApi {
  const { server, ...tls } = readAccess(kubeconfig);
  return async (method, path, body, contentType) => {
    const headers = contentType === undefined ? {} : { "content-type": contentType };
    const answer = await call(`${server}${path}`, { method, body, headers, ...tls });
    if (answer.status >= 300 && answer.status !== 404) {
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return answer;
  };
}

function decode(data: string): string {
  return Buffer.from(data, "base64").toString("utf8");
}
