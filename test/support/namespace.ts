// A namespace of a test's own, gone at its end.
import { randomBytes } from "node:crypto";
import { clusterApi } from "./clusterApi.ts";

export interface TestNamespace {
  readonly name: string;
  remove(): Promise<void>;
}

export async function makeNamespace(kubeconfig: string, prefix: string): Promise<TestNamespace> {
  const api = clusterApi(kubeconfig);
  const name = `${prefix}-${randomBytes(4).toString("hex")}`;
  await api("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  return {
    name,
    async remove() {
      await api("DELETE", `/api/v1/namespaces/${name}`);
    },
  };
}
