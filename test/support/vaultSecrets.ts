// A place of a test's own in the shared Vault, and a token that reads just that place and listens to events.
import { canary } from "./canary.ts";
import { call } from "./http.ts";
import { sharedServers } from "./servers.ts";

export interface VaultSecrets {
  /** A canary itself: it must not be seen where no secret belongs. */
  readonly token: string;
  /** Writes the next version of `secret/<place>/<name>`. */
  put(name: string, data: Readonly<Record<string, unknown>>): Promise<void>;
  /** What `secret/<place>/<name>` holds now. */
  get(name: string): Promise<Readonly<Record<string, string>>>;
  /** Deletes the newest version, as `vault kv delete` does. */
  remove(name: string): Promise<void>;
}

/** `writes`: the token may change what is there, as a rotation does. */
export async function vaultSecrets(place: string, writes = false): Promise<VaultSecrets> {
  const { vaultAddress, vaultToken } = sharedServers();
  const must = async (method: string, path: string, body?: unknown): Promise<void> => {
    const headers = { "x-vault-token": vaultToken };
    const { status } = await call(`${vaultAddress}/v1/${path}`, { method, body, headers });
    if (status >= 300) throw new Error(`${method} ${path}: ${status}`);
  };
  const token = canary("vault-token");
  const secrets = writes ? `"read", "update"` : `"read"`;
  await must("POST", `sys/policies/acl/${place}`, {
    policy: `path "secret/data/${place}/*" { capabilities = [${secrets}] } path "sys/events/subscribe/kv*" { capabilities = ["read"] }`,
  });
  await must("POST", "auth/token/create", { id: token, policies: [place], ttl: "1h" });
  return {
    token,
    put: (name, data) => must("POST", `secret/data/${place}/${name}`, { data }),
    async get(name) {
      const headers = { "x-vault-token": vaultToken };
      const { body } = await call(`${vaultAddress}/v1/secret/data/${place}/${name}`, { headers });
      return (body as { data: { data: Record<string, string> } }).data.data;
    },
    remove: (name) => must("DELETE", `secret/data/${place}/${name}`),
  };
}
