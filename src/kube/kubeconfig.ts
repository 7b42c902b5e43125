import { existsSync, readFileSync } from "node:fs";
import { delimiter, dirname, isAbsolute, join } from "node:path";
import type { KubeConfig, User } from "@kubernetes/client-node";
import { z } from "zod";
import { HelmwardenError } from "../errors.ts";
import type * as Libraries from "./libraries.ts";

/** Where the cluster and our credentials for it are described. Facts of the environment come in from main.ts. */
export interface KubeconfigSource {
  /** A context's name, or "default": the current context of `kubeconfig`, or else the cluster we run in. */
  readonly context: string;
  /** One path, or several as in KUBECONFIG; the first to name something wins, as in kubectl. */
  readonly kubeconfig?: string;
  /** KUBERNETES_SERVICE_HOST and _PORT, where we run in a pod. */
  readonly inCluster?: InCluster;
}

export interface InCluster {
  readonly host: string;
  readonly port: string;
  /** Where the service account is mounted; Kubernetes' own place by default. */
  readonly folder?: string;
}

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * A KubeConfig with the wanted context current, proven to name a cluster and a user. Throws ConfigInvalid: the
 * client's own loader would quietly fall back to http://localhost:8080.
 */
export function loadKubeconfig(k: typeof Libraries, source: KubeconfigSource): KubeConfig {
  if (source.kubeconfig !== undefined && source.kubeconfig !== "") {
    return chooseContext(mergeFiles(k, source.kubeconfig), source.context);
  }
  if (source.context === "default" && source.inCluster !== undefined) return fromServiceAccount(k, source.inCluster);
  throw new HelmwardenError(
    "ConfigInvalid",
    source.context === "default"
      ? "There is no cluster to talk to. Set KUBECONFIG, or run helmwarden in the cluster with a service account."
      : `The cluster "${source.context}" is a kubeconfig context, and no kubeconfig was given. Set KUBECONFIG.`,
  );
}

function fromServiceAccount(k: typeof Libraries, { host, port, folder = SERVICE_ACCOUNT }: InCluster): KubeConfig {
  const tokenFile = join(folder, "token");
  if (!existsSync(tokenFile)) {
    throw new HelmwardenError(
      "ConfigInvalid",
      `We run in a cluster, but there is no token at ${tokenFile}. Set automountServiceAccountToken on the pod.`,
    );
  }
  const name = "in-cluster";
  const server = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const config = new k.KubeConfig();
  config.loadFromClusterAndUser(
    { name, server, caFile: join(folder, "ca.crt"), skipTLSVerify: false },
    { name, authProvider: { name: "tokenFile", config: { tokenFile } } },
  );
  return config;
}

function mergeFiles(k: typeof Libraries, paths: string): KubeConfig {
  const present = paths.split(delimiter).filter((path) => path !== "" && existsSync(path));
  if (present.length === 0) {
    throw new HelmwardenError("ConfigInvalid", `No kubeconfig is at ${paths}. Correct KUBECONFIG.`);
  }
  const files = present.map((path) => loadFile(k, path));
  const merged = new k.KubeConfig();
  merged.loadFromOptions({
    clusters: firstOfEachName(files.flatMap((file) => file.clusters)),
    users: firstOfEachName(files.flatMap((file) => file.users)),
    contexts: firstOfEachName(files.flatMap((file) => file.contexts)),
    currentContext: files.find((file) => file.currentContext)?.currentContext,
  });
  return merged;
}

function loadFile(k: typeof Libraries, path: string): KubeConfig {
  try {
    const text = readFileSync(path, "utf8");
    const config = new k.KubeConfig();
    config.loadFromString(text);
    config.makePathsAbsolute(dirname(path));
    const tokenFiles = readTokenFiles(k, text, dirname(path));
    config.users = config.users.map((user) => withTokenFile(user, tokenFiles.get(user.name)));
    return config;
  } catch {
    throw new HelmwardenError(
      "ConfigInvalid",
      `The kubeconfig ${path} cannot be read as one. See what \`kubectl config view\` says of it.`,
    );
  }
}

const usersWithTokenFiles = z.object({
  users: z
    .array(z.object({ name: z.string(), user: z.object({ tokenFile: z.string().optional() }).nullish() }))
    .nullish(),
});

/** kubectl's `tokenFile`, which the client does not know. */
function readTokenFiles(k: typeof Libraries, text: string, folder: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { name, user } of usersWithTokenFiles.parse(k.loadYaml(text)).users ?? []) {
    if (user?.tokenFile) found.set(name, isAbsolute(user.tokenFile) ? user.tokenFile : join(folder, user.tokenFile));
  }
  return found;
}

function withTokenFile(user: User, tokenFile: string | undefined): User {
  return tokenFile === undefined ? user : { ...user, authProvider: { name: "tokenFile", config: { tokenFile } } };
}

function firstOfEachName<T extends { readonly name: string }>(items: readonly T[]): T[] {
  return items.filter((item, index) => items.findIndex(({ name }) => name === item.name) === index);
}

function chooseContext(config: KubeConfig, wanted: string): KubeConfig {
  const name = wanted === "default" ? config.currentContext : wanted;
  const context = name ? config.getContextObject(name) : null;
  if (context === null) {
    const names = config.contexts.map((found) => found.name).join(", ");
    throw new HelmwardenError(
      "ConfigInvalid",
      name
        ? `The kubeconfig has no context "${name}". Choose one that it has: ${names || "none"}.`
        : `The kubeconfig has no current context. Choose one with \`kubectl config use-context\`: ${names || "none"}.`,
    );
  }
  config.setCurrentContext(context.name);
  if (config.getCurrentCluster() === null || config.getCurrentUser() === null) {
    throw new HelmwardenError(
      "ConfigInvalid",
      `The context "${context.name}" names a cluster or user that the kubeconfig does not have. Correct the kubeconfig.`,
    );
  }
  return config;
}
