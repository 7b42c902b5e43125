// A workload that reads Secrets in one way or another, made through the API and not by a chart.
import type { ClusterApi } from "./clusterApi.ts";

/** `pod` is put into the pod's spec, `container` into its only container's. */
export async function makeDeployment(
  api: ClusterApi,
  namespace: string,
  name: string,
  { container = {}, pod = {} }: { container?: object; pod?: object },
): Promise<void> {
  const labels = { app: name };
  const spec = { containers: [{ name: "app", image: "example.org/app:1", ...container }], ...pod };
  await api("POST", `/apis/apps/v1/namespaces/${namespace}/deployments`, {
    metadata: { name },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  });
}

/** Its pod template's generation: 1 as long as nobody has changed it. */
export async function generationOf(api: ClusterApi, namespace: string, name: string): Promise<number> {
  const { body } = await api("GET", `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`);
  return (body as { metadata: { generation: number } }).metadata.generation;
}
