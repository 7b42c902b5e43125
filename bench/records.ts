// Releases written into Helm's storage as helm would have left them, and the API that thousands of objects go through.
import { gunzipSync, gzipSync } from "node:zlib";
import { Agent, request } from "undici";
import { inLanes } from "../src/operations/lanes.ts";
import { helmBinary } from "../test/support/binaries.ts";
import { readAccess } from "../test/support/clusterApi.ts";
import type { World } from "./world.ts";

export interface Placed {
  readonly name: string;
  readonly namespace: string;
}

export interface Api {
  get(path: string): Promise<string>;
  post(path: string, body: object): Promise<void>;
  remove(path: string): Promise<void>;
  close(): Promise<void>;
}

/** The API over kept connections, as thousands of objects are written. */
export function openApi(kubeconfig: string): Api {
  const { server, ...tls } = readAccess(kubeconfig);
  const dispatcher = new Agent({ connect: tls, connections: 8 });
  const call = async (method: "GET" | "POST" | "DELETE", path: string, body: string | null): Promise<string> => {
    const headers = { "content-type": "application/json" };
    const answer = await request(`${server}${path}`, { method, body, headers, dispatcher });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`);
    return text;
  };
  return {
    get: (path) => call("GET", path, null),
    post: async (path, body) => void (await call("POST", path, JSON.stringify(body))),
    remove: async (path) => void (await call("DELETE", path, null)),
    close: () => dispatcher.close(),
  };
}

interface Stored {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly type: string;
  readonly data: { readonly release: string };
}

/** Installs one release and writes the records of the others from it, as installing each would take an hour. */
export async function writeReleases(
  world: World,
  api: Api,
  chart: string,
  releases: readonly Placed[],
  { revisions, token }: { readonly revisions: number; readonly token: string },
): Promise<void> {
  for (const namespace of new Set(releases.map((one) => one.namespace))) {
    await api.post("/api/v1/namespaces", { metadata: { name: namespace } });
  }
  const model = { name: "model-of-all", namespace: releases[0]!.namespace };
  const values = JSON.stringify({ token });
  await world.run(helmBinary(4), ["install", model.name, chart, "-n", model.namespace, "-f", "-"], values);
  const path = `/api/v1/namespaces/${model.namespace}/secrets/sh.helm.release.v1.${model.name}.v1`;
  const stored = JSON.parse(await api.get(path)) as Stored;
  const packed = Buffer.from(Buffer.from(stored.data.release, "base64").toString("latin1"), "base64");
  const text = gunzipSync(packed).toString("utf8");
  const records = releases.flatMap((release) =>
    Array.from({ length: revisions }, (_, index) => ({ ...release, revision: index + 1 })),
  );
  await inLanes(records, 16, async ({ name, namespace, revision }) => {
    const status = revision === revisions ? "deployed" : "superseded";
    const release = JSON.parse(text.replaceAll(model.name, name)) as { info: { status: string } };
    Object.assign(release, { namespace, version: revision, info: { ...release.info, status } });
    const payload = gzipSync(JSON.stringify(release)).toString("base64");
    const labels = { ...stored.metadata.labels, name, status, version: String(revision) };
    await api.post(`/api/v1/namespaces/${namespace}/secrets`, {
      metadata: { name: `sh.helm.release.v1.${name}.v${revision}`, labels },
      type: stored.type,
      data: { release: Buffer.from(payload).toString("base64") },
    });
  });
}
