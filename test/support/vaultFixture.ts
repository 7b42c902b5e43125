// What the tests of the Vault provider need in a real Vault: a policy, logins whose credentials hold canaries, a KV 1 mount.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createVaultStore } from "../../src/providers/vault/vaultStore.ts";
import type { VaultAuth, VaultDeps, VaultOptions } from "../../src/providers/vault/options.ts";
import { SecretValue } from "../../src/core/secretValue.ts";
import type { Store } from "../../src/ports.ts";
import { canary } from "./canary.ts";
import { realClock } from "./clock.ts";
import { type Relay, startRelay } from "./relay.ts";
import { recordingLog } from "./silence.ts";
import { startVault, type VaultServer, type VaultServerOptions } from "./vaultServer.ts";

export interface VaultFixture {
  readonly server: VaultServer;
  /** Between the stores and the server. */
  readonly relay: Relay;
  readonly log: ReturnType<typeof recordingLog>;
  readonly appRole: { readonly roleId: string; readonly secretId: string };
  /** A store for `secret/` by AppRole, through the relay, unless told otherwise. */
  store(options?: Partial<VaultOptions>, deps?: Partial<VaultDeps>): Store;
  /** An API call that must succeed. */
  must(method: string, path: string, body?: unknown): Promise<unknown>;
  close(): Promise<void>;
}

export const given = (text: string) => (): Promise<SecretValue> => Promise.resolve(SecretValue.fromText(text));

/** `secret/` is KV 2 and `one/` KV 1. The policy `app` reads and lists all of both but `secret/denied/`. */
export async function startVaultFixture(options: Partial<VaultServerOptions> = {}): Promise<VaultFixture> {
  const dir = mkdtempSync(join(tmpdir(), "helmwarden-vault-"));
  const server = await startVault({ dir, rootToken: canary("root"), ...options });
  const must: VaultFixture["must"] = async (method, path, body) => {
    const { status, body: answer } = await server.api(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(answer)}`);
    return answer;
  };
  const appRole = { roleId: canary("role-id"), secretId: canary("secret-id") };
  const policy =
    'path "secret/*" { capabilities = ["read", "list"] } path "one/*" { capabilities = ["read", "list"] } path "secret/data/denied/*" { capabilities = ["deny"] }';
  await must("POST", "sys/policies/acl/app", { policy });
  await must("POST", "sys/mounts/one", { type: "kv", options: { version: "1" } });
  await must("POST", "sys/auth/approle", { type: "approle" });
  await must("POST", "auth/approle/role/app", { token_policies: "app" });
  await must("POST", "auth/approle/role/app/role-id", { role_id: appRole.roleId });
  await must("POST", "auth/approle/role/app/custom-secret-id", { secret_id: appRole.secretId });
  const relay = await startRelay(server.address.startsWith("http:") ? server.address : undefined);
  const log = recordingLog();
  const auth: VaultAuth = { appRole: { roleId: given(appRole.roleId), secretId: given(appRole.secretId) } };
  return {
    server,
    relay,
    log,
    appRole,
    must,
    store: (more, deps) =>
      createVaultStore(
        { name: "vault", address: relay.address, mount: "secret", auth, ...more },
        { clock: realClock, log, ...deps },
      ),
    async close() {
      await relay.close();
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
