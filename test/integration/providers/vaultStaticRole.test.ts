// A static role of a real Vault over a real PostgreSQL: whose value it is can be told from what its path answers.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { canary } from "../../support/canary.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres.ts";
import { given, startVaultFixture, type VaultFixture } from "../../support/vaultFixture.ts";

const { signal } = new AbortController();
const dir = mkdtempSync(join(tmpdir(), "helmwarden-static-role-"));
let vault: VaultFixture;
let database: PostgresServer;

beforeAll(async () => {
  [vault, database] = await Promise.all([startVaultFixture(), startPostgres({ dir })]);
  await database.query(`CREATE ROLE app LOGIN PASSWORD '${canary("first")}'`);
  const { user, password } = database.superuser;
  await vault.must("POST", "sys/mounts/database", { type: "database" });
  await vault.must("POST", "database/config/app", {
    plugin_name: "postgresql-database-plugin",
    allowed_roles: "app",
    connection_url: `postgresql://{{username}}:{{password}}@127.0.0.1:${database.port}/postgres?sslmode=disable`,
    username: user,
    password,
  });
  await vault.must("POST", "database/static-roles/app", { db_name: "app", username: "app", rotation_period: "1h" });
}, 120_000);
afterAll(async () => {
  await Promise.all([vault.close(), database.stop()]);
  rmSync(dir, { recursive: true, force: true });
});

it("is read, logs in, and is known as what Vault rotates", async () => {
  const auth = { token: given(vault.server.rootToken) };
  const store = vault.store({ mount: "database", version: 1, auth });
  const reading = await store.readPath("static-creds/app", signal);
  await store.close();
  const password = reading.kind === "found" ? reading.secrets.get("password") : undefined;
  expect(password).toMatchObject({ kind: "value", managedBy: "a static role of Vault" });
  expect(password?.kind === "value" && (await database.canLogin("app", password.value.reveal()))).toBe(true);
});
