// Targets that are no databases, some of which make the value themselves: whole rotations, killed at every effect.
import { afterEach, expect, test, vi } from "vitest";
import { canary } from "../../support/canary.ts";
import { crashes, deathsAt } from "../../support/crashRotation.ts";
import { call } from "../../support/http.ts";
import { startInfisical } from "../../support/infisicalServer.ts";
import { startKeyService } from "../../support/keyService.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";
import { sharedServers } from "../../support/servers.ts";
import { startSignedSteps } from "../../support/signedSteps.ts";

vi.setConfig({ testTimeout: 600_000, hookTimeout: 120_000 });

interface World {
  readonly yaml: string;
  /** A value that is valid before the first rotation. */
  readonly first: string;
  /** What the program needs to log in there. */
  readonly targetSecret: string;
  readonly works: (value: string) => Promise<boolean>;
  readonly close: () => Promise<void>;
}

let scenario: Scenario;
let world: World;
afterEach(async () => {
  await scenario.close();
  await world.close();
});

const bearer = (part: string): string => `headers: { Authorization: "Bearer \${${part}}"`;

async function keySystem(): Promise<World> {
  const service = await startKeyService();
  const first = canary("by-hand");
  service.keys.set("by-hand", first);
  return {
    yaml: `http:
      create: { url: ${service.url}/keys, ${bearer("admin")} }, body: '{"label": "\${rotation}"}', value: "$.data[0].key" }
      test: { url: ${service.url}/me, ${bearer("value")} } }
      revoke: { url: ${service.url}/keys, ${bearer("admin")}, X-Key: "\${value}" } }
      secrets: { admin: { fromEnv: TARGET_SECRET } }`,
    first,
    targetSecret: service.adminKey,
    works: (value) => Promise.resolve([...service.keys.values()].includes(value)),
    close: service.close,
  };
}

async function signedSteps(): Promise<World> {
  const system = await startSignedSteps();
  const first = canary("first");
  system.values.set("before", first);
  return {
    yaml: `webhook: { url: ${system.url}/steps, secret: { fromEnv: TARGET_SECRET } }`,
    first,
    targetSecret: system.secret,
    works: (value) => Promise.resolve(system.works(value)),
    close: system.close,
  };
}

/** A role of its own in the Vault that all tests share; the program's token may make and destroy its SecretIDs. */
async function secretIds(): Promise<World> {
  const { vaultAddress, vaultToken } = sharedServers();
  const mount = scenario.namespace;
  const must = async (path: string, body: unknown): Promise<void> => {
    const headers = { "x-vault-token": vaultToken };
    const { status } = await call(`${vaultAddress}/v1/${path}`, { method: "POST", body, headers });
    if (status >= 300) throw new Error(`${path}: ${status}`);
  };
  const first = canary("by-hand");
  await must(`sys/auth/${mount}`, { type: "approle" });
  await must(`auth/${mount}/role/app`, { token_policies: "default", token_ttl: "1m" });
  await must(`auth/${mount}/role/app/role-id`, { role_id: `role-${mount}` });
  await must(`auth/${mount}/role/app/custom-secret-id`, { secret_id: first });
  await must(`sys/policies/acl/${scenario.namespace}`, {
    policy: `path "secret/data/${scenario.namespace}/*" { capabilities = ["read", "create", "update"] }
      path "auth/${mount}/role/app/role-id" { capabilities = ["read"] }
      path "auth/${mount}/role/app/secret-id" { capabilities = ["update"] }
      path "auth/${mount}/role/app/secret-id/destroy" { capabilities = ["update"] }`,
  });
  return {
    yaml: `vaultSecretId: { store: vault, role: app, mount: ${mount} }`,
    first,
    targetSecret: canary("unused"),
    works: async (value) => {
      const body = { role_id: `role-${mount}`, secret_id: value };
      const { status } = await call(`${vaultAddress}/v1/auth/${mount}/login`, { method: "POST", body });
      return status === 200;
    },
    close: () => Promise.resolve(),
  };
}

/** Client secrets of another identity than the one that the program logs in with. */
async function clientSecrets(): Promise<World> {
  const server = await startInfisical();
  const [first, own] = [canary("by-hand"), canary("own")];
  const { id, account } = server.addIdentity("universal", first, { account: "client-of-the-app" });
  server.addIdentity("universal", own, { account: "client-of-helmwarden" });
  return {
    yaml: `infisicalClientSecret: { store: own, identityId: ${id} }
---
apiVersion: helmwarden.dev/v1alpha1
kind: SecretStore
metadata: { name: own }
spec:
  infisical:
    siteUrl: ${server.url}
    projectId: ${server.projectId}
    environment: prod
    auth: { universal: { clientId: { fromEnv: CLIENT_ID }, clientSecret: { fromEnv: TARGET_SECRET } } }`,
    first,
    targetSecret: own,
    works: async (clientSecret) => {
      const body = { clientId: account, clientSecret };
      const url = `${server.url}/api/v1/auth/universal-auth/login`;
      return (await call(url, { method: "POST", body })).status === 200;
    },
    close: async () => await server.close(),
  };
}

test.each([
  ["a system that makes keys", keySystem, "create"],
  ["a webhook", signedSteps, "set"],
  ["SecretIDs of Vault", secretIds, "create"],
  ["client secrets of Infisical", clientSecrets, "create"],
] as const)(
  "%s: killed before and after each effect, the next try leaves one valid value everywhere",
  async (_name, open, brings) => {
    scenario = await openScenario(import.meta.dirname, { vaultWrites: true });
    world = await open();
    scenario.configure(scenario.config().replace("__TARGET__", world.yaml));
    await scenario.vault.put("app", { TOKEN: world.first });
    const killed = crashes(scenario, { TARGET_SECRET: world.targetSecret, CLIENT_ID: "client-of-helmwarden" });
    const effects = await killed.effects();
    expect(effects).toEqual(expect.arrayContaining([brings, "replace", "apply", "retire"]));
    expect(await world.works(world.first)).toBe(false);

    for (const death of deathsAt(effects)) {
      const { TOKEN: old = "" } = await scenario.vault.get("app");
      // The last rotation is forgotten: the secret is due again.
      await scenario.vault.put("app", { TOKEN: old });
      const { signal } = await killed.dieAt(death);
      const where = `killed ${death.when} effect ${death.effect}, ${effects[death.effect]}`;
      expect({ where, signal }).toEqual({ where, signal: "SIGKILL" });

      const outcome = await killed.goOn();
      const now = await scenario.vault.get("app");
      const state = JSON.parse(now["TOKEN__ROTATION"] ?? "{}") as { attempt?: object };
      expect({
        where,
        outcome: outcome.kind,
        pending: state.attempt,
        live: await scenario.secret("app"),
        works: await world.works(now["TOKEN"] ?? ""),
        oldWorks: await world.works(old),
      }).toEqual({
        where,
        outcome: death.when === "after" ? "notDue" : "rotated",
        pending: undefined,
        live: { token: now["TOKEN"] },
        works: true,
        oldWorks: false,
      });
      expect(now["TOKEN"]).not.toBe(old);
    }
  },
);
