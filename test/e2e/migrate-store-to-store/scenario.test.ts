import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { call } from "../../support/http.ts";
import { type InfisicalServer, startInfisical } from "../../support/infisicalServer.ts";
import { migrationWorld, type MigrationWorld } from "../../support/migration.ts";
import { startProgram } from "../../support/program.ts";
import { openScenario, type PrintedResult, type Scenario } from "../../support/scenario.ts";
import { sharedServers } from "../../support/servers.ts";

let scenario: Scenario;
let infisical: InfisicalServer;
let world: MigrationWorld;
let env: Record<string, string>;
beforeEach(async () => {
  scenario = await openScenario(import.meta.dirname);
  infisical = await startInfisical();
  const secret = canary("client-secret");
  const { account } = infisical.addIdentity("universal", secret);
  env = { CLIENT_ID: account, CLIENT_SECRET: secret };
  world = await migrationWorld(scenario, env);
  scenario.configure(configuration());
});
afterEach(async () => {
  await infisical.close();
  await scenario.close();
});

const configuration = (): string => `
apiVersion: helmwarden.dev/v1alpha1
kind: SecretStore
metadata: { name: infisical }
spec:
  infisical:
    siteUrl: ${infisical.url}
    projectId: ${infisical.projectId}
    environment: prod
    auth: { universal: { clientId: { fromEnv: CLIENT_ID }, clientSecret: { fromEnv: CLIENT_SECRET } } }
---
apiVersion: helmwarden.dev/v1alpha1
kind: ReleaseSync
metadata: { name: shop, namespace: __NAMESPACE__ }
spec:
  chart: { path: __CHARTS__/web }
  values:
    - path: token
      from: { store: infisical, path: /__NAMESPACE__/shop, key: TOKEN } # asked of us in May
    - path: url
      template: postgres://app:\${password}@db/app
      from:
        password: { store: infisical, path: /__NAMESPACE__/db, key: PASSWORD }
---
apiVersion: helmwarden.dev/v1alpha1
kind: SecretSync
metadata: { name: admin, namespace: __NAMESPACE__ }
spec:
  data:
    - key: token
      from: { store: infisical, path: /__NAMESPACE__/admin, key: TOKEN }
`;

const flat = (text: string): string => text.replaceAll(/\s+/g, " ");
const copy = (...args: readonly string[]) =>
  world.migrate("run", "--from", "store:infisical", "--to", "store:vault", ...args);
const paths = (): string[] => ["shop", "db", "admin"].map((name) => `/${scenario.namespace}/${name}`);

async function inService(): Promise<readonly string[]> {
  const values = [canary("shop"), canary("db"), canary("admin")];
  const [shop = "", db = "", admin = ""] = paths();
  infisical.putSecret(shop, "TOKEN", values[0]!);
  infisical.putSecret(db, "PASSWORD", canary("first"));
  infisical.putSecret(db, "PASSWORD", values[1]!);
  infisical.putSecret(admin, "TOKEN", values[2]!);
  await scenario.install("shop", "web", { token: values[0], url: `postgres://app:${values[1]}@db/app` });
  await world.makeSecret("admin", { token: Buffer.from(values[2]!) });
  expect((await scenario.run("sync", [], env)).code).toBe(0);
  return values;
}

async function notesAt(name: string): Promise<Record<string, string>> {
  const { vaultAddress, vaultToken } = sharedServers();
  const url = `${vaultAddress}/v1/secret/metadata/${scenario.namespace}/${name}`;
  const { body } = await call(url, { headers: { "x-vault-token": vaultToken } });
  return (body as { data: { custom_metadata: Record<string, string> | null } }).data.custom_metadata ?? {};
}

test("values, versions, comments and tags arrive, the configuration follows, and nothing would change", async () => {
  const values = await inService();
  const [, db = ""] = paths();
  infisical.annotate(db, "PASSWORD", {
    comment: "for the shop",
    tags: ["database", "team-a"],
    metadata: [{ key: "owner", value: "jane@example.com" }],
  });
  const before = await world.secrets();

  const words = [
    "migrate",
    "plan",
    "-c",
    join(scenario.dir, "config"),
    "--from",
    "infisical",
    "--to",
    "vault",
    "-o",
    "json",
  ];
  const plan = await startProgram(words, {
    dir: scenario.dir,
    env: { KUBECONFIG: scenario.kubeconfig, VAULT_TOKEN: scenario.vault.token, ...env },
  }).end;
  expect({ code: plan.code, stderr: plan.stderr }).toEqual({ code: 0, stderr: "" });
  expect(JSON.parse(plan.stdout)).toMatchObject({ from: "infisical", to: "vault", paths: [{}, {}, {}] });
  const dry = await copy("--dry-run");
  expect(dry.stdout).toContain("Dry run: nothing was written.");
  expect(await world.stored("db")).toBeUndefined();

  const ended = await copy("--yes");
  expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: "" });
  expect(flat(ended.stdout)).toContain(
    "3 keys copied, 0 were there already. Proven: a sync with the generated files would change none of 2",
  );
  expect(await world.stored("shop")).toEqual({ TOKEN: values[0] });
  expect(await world.stored("db")).toEqual({ PASSWORD: values[1] });
  expect(await notesAt("db")).toEqual({
    "moved-from": `infisical:${scenario.namespace}/db`,
    "PASSWORD.comment": "for the shop",
    "PASSWORD.tags": "database,team-a",
    "PASSWORD.owner": "jane@example.com",
    "PASSWORD.version": "2",
  });
  expect(await world.secrets()).toEqual(before);

  const generated = readFileSync(join(world.dir, "generated/config.yaml"), "utf8");
  expect(generated).toContain(
    `from: { store: "vault", path: "${scenario.namespace}/shop", key: TOKEN } # asked of us in May`,
  );
  writeFileSync(join(scenario.dir, "config", "config.yaml"), generated);
  await infisical.close();
  const { stdout } = await scenario.run("sync", ["-o", "json"], env);
  const { results } = JSON.parse(stdout) as { results: PrintedResult[] };
  expect(results.map(({ outcome }) => outcome.kind)).toEqual(["inSync", "inSync"]);
}, 300_000);

test("the first wave that differs ends it, resume goes on, and a rollback takes back just what was copied, as long as the source is kept", async () => {
  const [, , admin] = await inService();
  const [shop = ""] = paths();
  await scenario.vault.put("admin", { TOKEN: canary("theirs") });
  const first = await copy("--yes");
  expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 2, stderr: "" });
  expect(flat(first.stdout)).toContain("A wave is not as it has to be: those behind it were not begun.");
  expect(flat(first.stdout)).toContain("admin#TOKEN is another value in the store, which was there before and stays");
  expect(await world.stored("db")).toBeUndefined();

  await scenario.vault.put("admin", { TOKEN: admin });
  const resumed = await world.migrate("resume", "--yes");
  expect({ code: resumed.code, stderr: resumed.stderr }).toEqual({ code: 0, stderr: "" });
  expect(flat(resumed.stdout)).toContain("2 keys copied, 1 were there already.");
  expect((await world.migrate("verify")).code).toBe(0);

  infisical.removeSecret(shop, "TOKEN");
  const back = await world.migrate("rollback", "--yes");
  expect({ code: back.code, stderr: back.stderr }).toEqual({ code: 2, stderr: "" });
  expect(flat(back.stdout)).toContain(
    `shop#TOKEN stays: path infisical:${scenario.namespace}/shop has it no more, and this is the last copy`,
  );
  expect(await world.stored("shop")).toBeDefined();
  expect(await world.stored("db")).toBeUndefined();
  expect(await world.stored("admin")).toBeDefined();
}, 300_000);
