import type { SecretValue } from "../secretValue.ts";

/** One Secret of a cluster with all that a person or a controller gave it. */
export interface RawSecret {
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
  readonly type: string;
  readonly immutable: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** `Kind/name` of the objects that it goes with. */
  readonly owners: readonly string[];
  readonly data: ReadonlyMap<string, SecretValue>;
}

const CONTROLLERS: readonly { readonly mark: RegExp; readonly who: string }[] = [
  { mark: /^reconcile\.external-secrets\.io\//, who: "External Secrets" },
  { mark: /^secrets\.hashicorp\.com\//, who: "the Vault Secrets Operator" },
  { mark: /^secrets\.infisical\.com\//, who: "the Infisical operator" },
  { mark: /^cert-manager\.io\/(certificate-name|issuer-name)$/, who: "cert-manager" },
  { mark: /^sealedsecrets\.bitnami\.com\/(managed|patch|sealed-secrets-key)$/, who: "Sealed Secrets" },
];

/** Why a Secret is not for a store, in words for a person; undefined: it is. */
export function skipReason(secret: RawSecret): string | undefined {
  const { type, owners, labels, annotations } = secret;
  if (type.startsWith("helm.sh/release") || secret.name.startsWith("sh.helm.release.")) return "Helm's own storage";
  if (type === "kubernetes.io/service-account-token") return "a service account's token, made by the cluster";
  if (type === "bootstrap.kubernetes.io/token") return "a bootstrap token of the cluster";
  const [owner] = owners;
  if (owner !== undefined) return `owned by ${owner}, which would write it back`;
  const marks = [...Object.keys(labels), ...Object.keys(annotations)];
  const controller = CONTROLLERS.find(({ mark }) => marks.some((name) => mark.test(name)));
  if (controller !== undefined) return `written by ${controller.who}`;
  if (labels["app.kubernetes.io/managed-by"] === "helmwarden") return "helmwarden's own";
  return secret.data.size === 0 ? "holds nothing" : undefined;
}

/** The Helm release that a Secret is part of, by the marks that helm puts on what it applies. */
export function releaseNameOf({ annotations, namespace }: RawSecret): { namespace: string; name: string } | undefined {
  const name = annotations["meta.helm.sh/release-name"];
  if (name === undefined || name === "") return undefined;
  return { namespace: annotations["meta.helm.sh/release-namespace"] ?? namespace, name };
}
