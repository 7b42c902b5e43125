// The environment of the process must not change what we do, and TLS must be checked whatever it says.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { CANARY, canary } from "../../support/canary.ts";
import { type Relay, startRelay } from "../../support/relay.ts";
import { startVaultFixture, type VaultFixture } from "../../support/vaultFixture.ts";

let vault: VaultFixture;
let trap: Relay;
let ca: string;

beforeAll(async () => {
  vault = await startVaultFixture({ tls: true });
  trap = await startRelay();
  ca = readFileSync(vault.server.caFile!, "utf8");
  await vault.must("POST", "secret/data/app", { data: { KEY: canary("value") } });
});
afterAll(() => Promise.all([vault.close(), trap.close()]));

async function runWith(options: object): Promise<{ output: string; kind: string | undefined }> {
  const program = join(import.meta.dirname, "../../fixtures/readVault.ts");
  const child = spawn(process.execPath, [program], {
    timeout: 30_000,
    env: {
      DEBUG: "*",
      VAULT_ADDR: trap.address,
      VAULT_TOKEN: canary("env-token"),
      VAULT_NAMESPACE: "elsewhere",
      VAULT_PREFIX: "/elsewhere",
      VAULT_SKIP_VERIFY: "false",
      HTTP_PROXY: trap.address,
      HTTPS_PROXY: trap.address,
      ALL_PROXY: trap.address,
      NODE_USE_ENV_PROXY: "1",
      NODE_TLS_REJECT_UNAUTHORIZED: "0",
    },
  });
  child.stdin.end(JSON.stringify({ address: vault.server.address, ...vault.appRole, ...options }));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { output: stdout + stderr, kind: stdout.split(" ")[0] };
}

it("reads with its own CA, unmoved by VAULT_*, DEBUG and proxy variables, and prints no secret", async () => {
  const { kind, output } = await runWith({ ca });
  expect({ kind, output }).toMatchObject({ kind: "found" });
  expect(output).not.toContain(CANARY);
  expect(trap.requests).toEqual([]);
});

it("refuses a server whose authority it does not know, though the environment would let it", async () => {
  const { kind, output } = await runWith({});
  expect(kind).toBe("failed");
  expect(output).toContain("StoreInvalid");
  expect(output).toContain("Set caFile to its authority");
  expect(output).not.toContain(CANARY);
});

it("refuses another name than the certificate's", async () => {
  const server = new URL(vault.server.address);
  const forward = createServer(
    (socket) => void socket.pipe(connect(Number(server.port), server.hostname)).pipe(socket),
  );
  await new Promise<void>((resolve) => forward.listen(0, "127.0.0.2", resolve));
  const { output } = await runWith({ ca, address: `https://127.0.0.2:${(forward.address() as AddressInfo).port}` });
  forward.close();
  expect(output).toContain("StoreInvalid");
  expect(output).toContain("ALTNAME");
});

it.each([
  ["an authority that is no certificate", { ca: "nonsense" }],
  ["an address with a password", { address: `https://user:${canary("password")}@127.0.0.1` }],
  ["an address that is no URL", { address: canary("address") }],
  ["another protocol", { address: "ftp://127.0.0.1" }],
])("refuses %s as configuration", async (_name, options) => {
  const { output } = await runWith(options);
  expect(output).toContain("ConfigInvalid");
  expect(output).not.toContain(CANARY);
});
