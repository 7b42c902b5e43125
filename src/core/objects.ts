import { isJsonObject, type Json, type JsonObject } from "./json.ts";

/** `Kind/name` within a release's namespace, `Kind/namespace/name` outside of it. */
export function objectName(object: JsonObject, releaseNamespace: string): string {
  const metadata = mapAt(object, "metadata");
  const namespace = textAt(metadata, "namespace");
  const parts = [textAt(object, "kind") ?? "?", textAt(metadata, "name") ?? "?"];
  if (namespace !== undefined && namespace !== releaseNamespace) parts.splice(1, 0, namespace);
  return parts.join("/");
}

/** The pod template of anything that makes pods (Deployment … CronJob, Argo Rollout), or the pod itself. */
export function podTemplateOf(object: JsonObject): JsonObject | undefined {
  const spec = mapAt(object, "spec");
  switch (textAt(object, "kind")) {
    case "Deployment":
    case "StatefulSet":
    case "DaemonSet":
    case "ReplicaSet":
    case "Job":
    case "Rollout":
      return mapAt(spec, "template");
    case "CronJob":
      return mapAt(mapAt(mapAt(spec, "jobTemplate"), "spec"), "template");
    case "Pod":
      return object;
    default:
      return undefined;
  }
}

export function mapAt(value: Json | undefined, key: string): JsonObject | undefined {
  const child = isJsonObject(value) ? value[key] : undefined;
  return isJsonObject(child) ? child : undefined;
}

export function textAt(value: Json | undefined, key: string): string | undefined {
  const child = isJsonObject(value) ? value[key] : undefined;
  return typeof child === "string" ? child : undefined;
}

/** The maps in a list; anything else in it is passed over. */
export function mapsAt(value: Json | undefined, key: string): JsonObject[] {
  const child = isJsonObject(value) ? value[key] : undefined;
  return Array.isArray(child) ? child.filter(isJsonObject) : [];
}
