import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { HelmEnvironment } from "./process.ts";

/**
 * Variables that helm and the credential plugins of a kubeconfig need and that are no secrets themselves. Anything
 * else stays behind: our own store tokens, HELM_DEBUG (it prints values), HELM_NAMESPACE, HELM_KUBE*.
 */
const PASSED = [
  "PATH",
  "HOME",
  "TMPDIR",
  "KUBERNETES_SERVICE_HOST",
  "KUBERNETES_SERVICE_PORT",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "HELM_REGISTRY_CONFIG",
  "HELM_REPOSITORY_CONFIG",
  "AWS_PROFILE",
  "AWS_REGION",
  "AWS_DEFAULT_REGION",
  "AWS_ROLE_ARN",
  "AWS_WEB_IDENTITY_TOKEN_FILE",
  "AWS_CONFIG_FILE",
  "AWS_SHARED_CREDENTIALS_FILE",
  "GOOGLE_APPLICATION_CREDENTIALS",
  "CLOUDSDK_CONFIG",
  "AZURE_CONFIG_DIR",
] as const;

/** Helm's folders below one private folder; `work` stays empty and is helm's working directory. */
export interface HelmFolders {
  readonly work: string;
  /** For the sockets by which helm gets its input. */
  readonly input: string;
  readonly charts: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** Makes helm's private folders (mode 0700) below `root`. */
export async function makeHelmFolders(root: string): Promise<HelmFolders> {
  const at = (name: string): string => join(root, name);
  await Promise.all(
    ["work", "in", "charts", "cache", "config", "data", "kube"].map((name) =>
      mkdir(at(name), { recursive: true, mode: 0o700 }),
    ),
  );
  return {
    work: at("work"),
    input: at("in"),
    charts: at("charts"),
    environment: {
      HELM_CACHE_HOME: at("cache"),
      HELM_CONFIG_HOME: at("config"),
      HELM_DATA_HOME: at("data"),
      KUBECACHEDIR: at("kube"),
    },
  };
}

/** The whole environment of a helm process. */
export function helmEnvironment(
  inherited: Readonly<Record<string, string | undefined>>,
  folders: HelmFolders,
  kubeconfig: string | undefined,
): HelmEnvironment {
  const environment: Record<string, string> = {};
  for (const name of PASSED) {
    const value = inherited[name];
    if (value !== undefined) environment[name] = value;
  }
  return {
    ...environment,
    ...folders.environment,
    ...(kubeconfig === undefined ? {} : { KUBECONFIG: kubeconfig }),
    HELM_DRIVER: "secret",
    HELM_NO_PLUGINS: "1",
    HELM_QPS: "50",
    HELM_BURST_LIMIT: "200",
    NO_COLOR: "1",
  };
}
