import type { JsonObject } from "./json.ts";
import { textAt } from "./objects.ts";

/** A resource as a Role names it. */
export interface ApiResource {
  /** "" is the core group. */
  readonly group: string;
  readonly resource: string;
  readonly clusterScoped: boolean;
}

/** Kinds of Kubernetes itself that belong to no namespace; a custom one that does not cannot be told from its manifest. */
const CLUSTER_SCOPED = new Set([
  "APIService",
  "CSIDriver",
  "CertificateSigningRequest",
  "ClusterRole",
  "ClusterRoleBinding",
  "CustomResourceDefinition",
  "FlowSchema",
  "IngressClass",
  "MutatingWebhookConfiguration",
  "Namespace",
  "PersistentVolume",
  "PriorityClass",
  "PriorityLevelConfiguration",
  "RuntimeClass",
  "StorageClass",
  "ValidatingAdmissionPolicy",
  "ValidatingAdmissionPolicyBinding",
  "ValidatingWebhookConfiguration",
  "VolumeSnapshotClass",
]);

/**
 * The resource of a rendered object. Its plural is made as Kubernetes itself guesses one
 * (apimachinery pkg/api/meta/restmapper.go, UnsafeGuessKindToResource); right for all of its own kinds.
 */
export function apiResourceOf(object: JsonObject): ApiResource | undefined {
  const kind = textAt(object, "kind");
  const version = textAt(object, "apiVersion");
  if (kind === undefined || version === undefined) return undefined;
  const group = version.includes("/") ? (version.split("/")[0] ?? "") : "";
  return { group, resource: pluralOf(kind.toLowerCase()), clusterScoped: CLUSTER_SCOPED.has(kind) };
}

function pluralOf(singular: string): string {
  if (singular.endsWith("endpoints")) return singular;
  if (singular.endsWith("s")) return `${singular}es`;
  return singular.endsWith("y") ? `${singular.slice(0, -1)}ies` : `${singular}s`;
}
