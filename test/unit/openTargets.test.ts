// Every target that a configuration can name is opened without a call; those that a store makes need a store of that kind.
import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/load.ts";
import { SecretValue } from "../../src/core/secretValue.ts";
import { openTarget, type TargetDeps } from "../../src/openTargets.ts";
import type { Store, StoreCredentials } from "../../src/ports.ts";
import { canary } from "../support/canary.ts";
import { memoryStore } from "../support/memoryStore.ts";

const ADMIN = "admin: { user: root, password: { fromEnv: ADMIN } }";
const TARGETS = {
  none: "none: {}",
  postgres: `postgres: { host: db, user: app, ${ADMIN} }`,
  mariadb: `mariadb: { host: db, user: app, ${ADMIN} }`,
  mysql: `mysql: { host: db, user: app, ${ADMIN} }`,
  redis: `redis: { host: db, ${ADMIN} }`,
  http: `http: { create: { url: "https://keys.example.com", value: $.key } }`,
  vaultSecretId: "vaultSecretId: { store: vault, role: app }",
  infisicalClientSecret: "infisicalClientSecret: { store: infisical, identityId: id }",
  webhook: `webhook: { url: "https://example.com", secret: { fromEnv: SECRET } }`,
} as const;

function policyWith(target: string) {
  const text = `
apiVersion: helmwarden.dev/v1alpha1
kind: SecretStore
metadata: { name: vault }
spec: { vault: { address: "https://vault", auth: { token: { fromEnv: TOKEN } } } }
---
apiVersion: helmwarden.dev/v1alpha1
kind: SecretStore
metadata: { name: infisical }
spec:
  infisical: { siteUrl: "https://infisical", projectId: id, environment: prod, auth: { token: { fromEnv: TOKEN } } }
---
apiVersion: helmwarden.dev/v1alpha1
kind: RotationPolicy
metadata: { name: app, namespace: app }
spec:
  secret: { store: vault, path: apps/app, key: KEY }
  target: { ${target} }
`;
  return parseConfig([{ name: "test.yaml", text }], "test.yaml").rotations[0]!;
}

const credentials: StoreCredentials = {
  create: () => Promise.resolve({ value: SecretValue.fromText(canary("made")), id: "made" }),
  test: () => Promise.resolve("accepted"),
  revoke: () => Promise.resolve(),
  describe: () => Promise.resolve("in memory"),
};

function depsWith(store: Store): TargetDeps {
  return {
    read: () => Promise.reject(new Error("a secret was read")),
    store: () => Promise.resolve(store),
    releases: [],
    portsOf: () => Promise.reject(new Error("a cluster was asked")),
  };
}

describe("targets", () => {
  test.each(Object.entries(TARGETS))("%s is opened, and nothing is asked", async (kind, text) => {
    const asked: unknown[] = [];
    const store: Store = { ...memoryStore(), credentialsOf: (owner) => (asked.push(owner), credentials) };
    const target = await openTarget(policyWith(text), depsWith(store));
    expect(target === undefined).toBe(kind === "none");
    const makes = ["http", "vaultSecretId", "infisicalClientSecret"].includes(kind);
    expect(target?.create !== undefined).toBe(makes);
    expect(target?.keepsOld ?? true).toBe(kind !== "postgres");
    const owner = { vaultSecretId: { kind: "appRole", role: "app", mount: "approle" } }[kind];
    const identity = { infisicalClientSecret: { kind: "identity", identityId: "id" } }[kind];
    expect(asked).toMatchObject([owner ?? identity].filter((one) => one !== undefined));
    await target?.close();
  });

  test("a store that makes no credentials is none for them", async () => {
    const opened = openTarget(policyWith(TARGETS.vaultSecretId), depsWith(memoryStore()));
    await expect(opened).rejects.toMatchObject({ code: "ConfigInvalid" });
  });
});
