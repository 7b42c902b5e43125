// A place of a test's own in the shared Vault, and a token that reads just that place and listens to events.
import { canary } from "./canary.ts";
import { call } from "./http.ts";
import { sharedServers } from "./servers.ts";

export interface VaultSecrets {
  /** A canary itself: it must not be seen where no secret belongs. */
  readonly token: string;
  /** Writes the next version of `secret/<place>/<name>`. */
  put(name: string, data: Readonly<Record<string, unknown>>): Promise<void>;
  /** Deletes the newest version, as `vault kv delete` does. */
  remove(name: string): Promise<void>;
}

export async function vaultSecrets(place: string): Promise<VaultSecrets> {
  const { vaultAddress, vaultToken } = sharedServers();
  const must = async (method: string, path: string, body?: unknown): Promise<void> => {
    const headers = { "x-vault-token": vaultToken };
    const { status } = await call(`${vaultAddress}/v1/${path}`, { method, body, headers });
    if (status >= 300) throw new Error(`${method} ${path}: ${status}`);
  };
  const token = canary("vault-token");
  const paths = [`secret/data/${place}/*`, "sys/events/subscribe/kv*"];
  await must("POST", `sys/policies/acl/${place}`, {
    policy: paths.map((path) => `path "${path}" { capabilities = ["read"] }`).join(" "),
  });
  await must("POST", "auth/token/create", { id: token, policies: [place], ttl: "1h" });
  return {
    token,
    put: (name, data) => must("POST", `secret/data/${place}/${name}`, { data }),
    remove: (name) => must("DELETE", `secret/data/${place}/${name}`),
  };
}
