// Records of Helm's storage, written by hand: for states that helm itself reaches only by accident.
import { gzipSync } from "node:zlib";
import type { ClusterApi } from "./clusterApi.ts";

export interface RecordOptions {
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  readonly status: string;
  /** Of the payload, where it is not that of the label. */
  readonly payloadStatus?: string;
  readonly config?: object;
  readonly defaults?: object;
  readonly manifest?: string;
}

export function releaseJson(options: RecordOptions): object {
  const { namespace, name, revision, config = {}, defaults = {}, manifest = "" } = options;
  return {
    name,
    namespace,
    version: revision,
    info: { status: options.payloadStatus ?? options.status, description: "written by a test", deleted: "" },
    chart: {
      metadata: { name: "demo", version: "1.0.0", apiVersion: "v2" },
      values: defaults,
      templates: [],
      lock: null,
    },
    config,
    manifest,
  };
}

/** As Helm encodes it for `data.release`, before the API's own base64. */
export function encodeRelease(json: unknown): string {
  return gzipSync(JSON.stringify(json)).toString("base64");
}

export function storageSecret(options: RecordOptions, payload = encodeRelease(releaseJson(options))): object {
  const { name, revision, status } = options;
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "helm.sh/release.v1",
    metadata: {
      name: `sh.helm.release.v1.${name}.v${revision}`,
      labels: { name, owner: "helm", status, version: String(revision) },
    },
    stringData: { release: payload },
  };
}

/** Writes one record; replaces one that is there. */
export async function storeRecord(api: ClusterApi, options: RecordOptions, payload?: string): Promise<void> {
  const path = `/api/v1/namespaces/${options.namespace}/secrets`;
  const body = storageSecret(options, payload) as { metadata: { name: string } };
  const there = await api("GET", `${path}/${body.metadata.name}`);
  if (there.status === 404) await api("POST", path, body);
  else await api("PUT", `${path}/${body.metadata.name}`, body);
}
