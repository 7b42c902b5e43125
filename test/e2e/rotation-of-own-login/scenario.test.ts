// helmwarden rotates what it logs in with itself: each run after it logs in with the new one, read from its Secret.
import { afterEach, expect, test, vi } from "vitest";
import { canary } from "../../support/canary.ts";
import { call } from "../../support/http.ts";
import { startInfisical } from "../../support/infisicalServer.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";
import { sharedServers } from "../../support/servers.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

interface World {
  readonly store: string;
  readonly path: string;
  readonly target: string;
  readonly first: string;
  readonly works: (credential: string) => Promise<boolean>;
  readonly close: () => Promise<void>;
}

let scenario: Scenario;
let world: World;
afterEach(async () => {
  await scenario.close();
  await world.close();
});

const head = "apiVersion: helmwarden.dev/v1alpha1\nkind: SecretStore\nmetadata: { name: own }\nspec:";
const ownSecret = "{ fromSecret: { namespace: __NAMESPACE__, name: login, key: credential } }";

async function vaultLogin(): Promise<World> {
  const { vaultAddress, vaultToken } = sharedServers();
  const mount = scenario.namespace;
  const post = async (path: string, body: unknown, token?: string): Promise<number> => {
    const headers: Record<string, string> = token === undefined ? {} : { "x-vault-token": token };
    return (await call(`${vaultAddress}/v1/${path}`, { method: "POST", body, headers })).status;
  };
  const first = canary("by-hand");
  const role = `auth/${mount}/role/helmwarden`;
  const policy = `path "secret/data/${mount}/*" { capabilities = ["read", "create", "update"] }
    path "${role}/role-id" { capabilities = ["read"] }
    path "${role}/secret-id" { capabilities = ["update"] }
    path "${role}/secret-id/destroy" { capabilities = ["update"] }`;
  const steps: [string, unknown][] = [
    [`sys/policies/acl/${mount}`, { policy }],
    [`sys/auth/${mount}`, { type: "approle" }],
    [role, { token_policies: mount }],
    [`${role}/role-id`, { role_id: `role-${mount}` }],
    [`${role}/custom-secret-id`, { secret_id: first }],
    [`secret/data/${mount}/login`, { data: { CREDENTIAL: first } }],
  ];
  for (const [path, body] of steps) expect(await post(path, body, vaultToken)).toBeLessThan(300);
  return {
    store: `${head}
  vault:
    address: __VAULT__
    auth: { appRole: { mount: ${mount}, roleId: { fromEnv: ROLE_ID }, secretId: ${ownSecret} } }`,
    path: `${mount}/login`,
    target: `vaultSecretId: { store: own, role: helmwarden, mount: ${mount} }`,
    first,
    works: async (credential) =>
      (await post(`auth/${mount}/login`, { role_id: `role-${mount}`, secret_id: credential })) === 200,
    close: () => Promise.resolve(),
  };
}

async function infisicalLogin(): Promise<World> {
  const server = await startInfisical();
  const first = canary("by-hand");
  const { id, account } = server.addIdentity("universal", first, { account: "the-client-id" });
  server.putSecret("/platform", "CREDENTIAL", first);
  return {
    store: `${head}
  infisical:
    siteUrl: ${server.url}
    projectId: ${server.projectId}
    environment: prod
    auth: { universal: { clientId: { fromEnv: CLIENT_ID }, clientSecret: ${ownSecret} } }`,
    path: "/platform",
    target: `infisicalClientSecret: { store: own, identityId: ${id} }`,
    first,
    works: async (clientSecret) => {
      const body = { clientId: account, clientSecret };
      const url = `${server.url}/api/v1/auth/universal-auth/login`;
      return (await call(url, { method: "POST", body })).status === 200;
    },
    close: async () => await server.close(),
  };
}

test.each([
  ["Vault", vaultLogin],
  ["Infisical", infisicalLogin],
] as const)("its login into %s is rotated twice, and each run uses the one of the run before", async (_name, open) => {
  scenario = await openScenario(import.meta.dirname, { env: { CLIENT_ID: "the-client-id" } });
  world = await open();
  const config = scenario.config().replace("__STORE__", world.store).replaceAll("__PATH__", world.path);
  scenario.configure(config.replace("__TARGET__", world.target));
  const data = { credential: Buffer.from(world.first).toString("base64") };
  const secret = { metadata: { name: "login" }, data };
  expect((await scenario.api("POST", `/api/v1/namespaces/${scenario.namespace}/secrets`, secret)).status).toBe(201);

  const used = [world.first];
  for (let turn = 0; turn < 2; turn += 1) {
    const env = { ROLE_ID: `role-${scenario.namespace}` };
    const { code, stdout, stderr } = await scenario.run("rotate", ["own-login", "--now", "--reason", "a test"], env);
    expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
    const { credential = "" } = await scenario.secret("login");
    expect(used).not.toContain(credential);
    expect(await world.works(used.at(-1) ?? "")).toBe(false);
    expect(await world.works(credential)).toBe(true);
    used.push(credential);
  }
});
