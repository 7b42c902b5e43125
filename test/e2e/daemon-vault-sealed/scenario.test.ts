import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { type DaemonScenario, expectWhole, openDaemonScenario, until } from "../../support/daemon.ts";
import { startVault, type VaultServer } from "../../support/vaultServer.ts";

let scenario: DaemonScenario;
let vault: VaultServer;
let dir: string;
afterEach(async () => {
  await vault.stop();
  rmSync(dir, { recursive: true });
  await scenario.close();
});

test("while Vault is sealed the release stays and the daemon is ready; then it catches up by itself", async () => {
  dir = mkdtempSync(join(tmpdir(), "helmwarden-vault-"));
  vault = await startVault({ dir, rootToken: canary("root") });
  const put = (token: string) => vault.api("POST", "secret/data/web", { data: { TOKEN: token } });
  scenario = await openDaemonScenario(import.meta.dirname, {
    env: { VAULT_TOKEN: vault.rootToken },
    settings: (yaml) => yaml.replace(/address: .*/, `address: ${vault.address}`),
  });
  scenario.configure(scenario.config().replace("__NAMESPACE__/web, key", "web, key"));
  const [token, moved] = [canary("token"), canary("moved")];
  await put(token);
  const web = await scenario.install("web", "checksum", { token });
  const daemon = await scenario.daemon();
  await scenario.recorded([web], "adopted");

  await vault.seal();
  const state = async () => (await daemon.status()).stores[0];
  await until("it rests", async () => (await state())?.state === "open");
  expect((await daemon.get("/readyz")).status).toBe(200);
  expect((await daemon.get("/livez")).status).toBe(200);
  expect((await state())?.ageMs).toBeGreaterThan(1_000);
  const { body } = await daemon.get("/metrics");
  expect(Number(/^helmwarden_store_age_seconds\{store="vault"\} (\S+)/m.exec(String(body))?.[1])).toBeGreaterThan(1);
  const said = daemon.log().filter(({ msg }) => msg.startsWith("a store path could not be read"));
  expect(said).toHaveLength(1);
  // Somebody patches the live Secret meanwhile: what it should hold is known from Helm.
  const path = `/api/v1/namespaces/${scenario.namespace}/secrets/web`;
  const patch = { metadata: { annotations: { mine: "yes" } }, stringData: { token: canary("patched") } };
  await scenario.api("PATCH", path, patch, "application/merge-patch+json");
  await until("it is put back", async () => (await scenario.secret("web"))["token"] === token);
  await until("that is told", async () => (await scenario.events("Corrected")).length === 1);
  expect((await state())?.state).toBe("open");

  await vault.unseal();
  await put(moved);
  await scenario.recorded([web], "changed");
  await until("it is well again", async () => (await state())?.state === "ok");
  await daemon.stop();
  await expectWhole(scenario, [{ release: web, values: { token: moved }, revision: 2 }]);
});
