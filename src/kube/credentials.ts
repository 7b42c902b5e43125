import type { RequestOptions } from "node:https";
import type { DispatcherOptions, KubeConfig } from "@kubernetes/client-node";
import { HelmwardenError } from "../errors.ts";

/** What a request needs to be let in. */
export interface Authorisation {
  readonly headers: Readonly<Record<string, string>>;
  /** TLS material and proxy, in the client's words. */
  readonly connection: DispatcherOptions;
}

export interface Credentials {
  readonly server: string;
  /** For the next request: asks exec plugins, OIDC and token files again once what they gave has expired. */
  authorise(signal: AbortSignal): Promise<Authorisation>;
  /** Forgets what was read, for when the cluster refuses it: kubeconfig, tokens and certificates are read anew. */
  reload(): void;
}

/** `load` reads the kubeconfig; it runs now and at each reload. */
export function createCredentials(load: () => KubeConfig): Credentials {
  let config = load();
  const { server, skipTLSVerify } = config.getCurrentCluster() ?? {};
  const isSafe = server !== undefined && (skipTLSVerify ? /^https?:\/\/[^/]/ : /^https:\/\/[^/]/).test(server);
  if (!isSafe) {
    throw new HelmwardenError("ConfigInvalid", "The kubeconfig's server is not an https:// URL. Correct it.");
  }
  return {
    server,
    authorise: (signal) => abortable(authorisationOf(config), signal),
    reload() {
      config = load();
    },
  };
}

async function authorisationOf(config: KubeConfig): Promise<Authorisation> {
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) headers[name] = String(value).trim();
  if (options.auth) headers["Authorization"] = `Basic ${Buffer.from(options.auth).toString("base64")}`;
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
  const tls = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
  const given = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
  return { headers, connection: config.createDispatcherOptions(config.getCurrentCluster(), given) };
}

/** An exec plugin can hang and cannot be told to stop; we can stop waiting for it. */
function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
