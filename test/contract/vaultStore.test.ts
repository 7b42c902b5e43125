import { canary } from "../support/canary.ts";
import { given, startVaultFixture } from "../support/vaultFixture.ts";
import { storeContract, type StoreWorld } from "./store.ts";

for (const { version, mount } of [
  { version: 2, mount: "secret" },
  { version: 1, mount: "one" },
] as const) {
  storeContract(`Vault, KV ${version},`, () => makeWorld(version, mount));
}

async function makeWorld(version: 1 | 2, mount: string): Promise<StoreWorld> {
  const vault = await startVaultFixture();
  const write = (path: string, secrets: object): Promise<unknown> =>
    version === 2
      ? vault.must("POST", `${mount}/data/${path}`, { data: secrets })
      : vault.must("POST", `${mount}/${path}`, secrets);
  const store = vault.store({ mount });
  return {
    store,
    path: (name) => `contract/${name}`,
    put: async (path, secrets) => void (await write(path, secrets)),
    async putOdd(path, key) {
      await write(path, { [key]: 12, TEXT: canary("text") });
      return "notText";
    },
    denied: () =>
      vault.store({
        mount,
        auth: { appRole: { roleId: given(vault.appRole.roleId), secretId: given(canary("wrong")) } },
      }),
    at: (address) => vault.store({ mount, address, attemptTimeoutMs: 400, deadlineMs: 1_000 }),
    requests: () => vault.relay.requests.length,
    async close() {
      await store.close();
      await vault.close();
    },
  };
}
