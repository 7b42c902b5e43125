import { startVaultFixture } from "../support/vaultFixture.ts";
import { writerContract } from "./storeWriter.ts";

for (const { version, mount } of [
  { version: 2, mount: "secret" },
  { version: 1, mount: "one" },
] as const) {
  writerContract(`Vault, KV ${version},`, async () => {
    const vault = await startVaultFixture();
    const policy = `path "${mount}/*" { capabilities = ["create", "read", "update", "delete"] }`;
    await vault.must("POST", "sys/policies/acl/app", { policy });
    const [store, reader] = [vault.store({ mount }), vault.store({ mount })];
    return {
      store,
      reader,
      exact: version === 2,
      beforeWrite(path, work) {
        vault.relay.answer = async ({ method, path: url }) => {
          if (method !== "POST" || !url.endsWith(path)) return undefined;
          vault.relay.answer = () => undefined;
          await work();
          return undefined;
        };
      },
      path: (name) => `web/${name}`,
      async put(path, secrets) {
        if (version === 2) await vault.must("POST", `${mount}/data/${path}`, { data: secrets });
        else await vault.must("POST", `${mount}/${path}`, secrets);
      },
      async close() {
        await Promise.all([store.close(), reader.close()]);
        await vault.close();
      },
    };
  });
}
