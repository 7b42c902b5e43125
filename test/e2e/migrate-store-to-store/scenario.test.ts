import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { call } from "../../support/http.ts";
import { type InfisicalServer, startInfisical } from "../../support/infisicalServer.ts";
import { migrationWorld, type MigrationWorld } from "../../support/migration.ts";
import { killAtWrite, moments } from "../../support/killAtWrite.ts";
import { startProgram } from "../../support/program.ts";
import { type Relay, startRelay } from "../../support/relay.ts";
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
  scenario.configure(configuration(infisical.url));
});
afterEach(async () => {
  await infisical.close();
  await scenario.close();
});

const configuration = (siteUrl: string): string => `
apiVersion: helmwarden.dev/v1alpha1
kind: SecretStore
metadata: { name: infisical }
spec:
  infisical:
    siteUrl: ${siteUrl}
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

interface PathMetadata {
  readonly current_version: number;
  readonly custom_metadata: Record<string, string> | null;
}
async function metadataAt(
  name: string,
  method: "GET" | "DELETE" | "POST" = "GET",
  json?: object,
): Promise<PathMetadata> {
  const { vaultAddress, vaultToken } = sharedServers();
  const url = `${vaultAddress}/v1/secret/metadata/${scenario.namespace}/${name}`;
  const { body } = await call(url, { method, body: json, headers: { "x-vault-token": vaultToken } });
  return (body as { data: PathMetadata } | undefined)?.data ?? { current_version: 0, custom_metadata: null };
}
async function notesAt(name: string): Promise<Record<string, string>> {
  return (await metadataAt(name)).custom_metadata ?? {};
}

const NAMES = ["shop", "db", "admin"] as const;
const generatedIn = (dir: string): { generated: string } => ({
  generated: readFileSync(join(dir, "generated/config.yaml"), "utf8"),
});

/** All that a migration leaves behind, as far as the next is to leave the same. */
async function leftInVault(dir: string, stdout: string): Promise<object> {
  const metadata = await Promise.all(NAMES.map((name) => metadataAt(name)));
  return {
    ...(JSON.parse(stdout) as object),
    ...generatedIn(dir),
    values: await Promise.all(NAMES.map((name) => world.stored(name))),
    metadata: metadata.map(({ current_version, custom_metadata }) => ({ current_version, custom_metadata })),
  };
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

test("all that lies below a path goes as well if it is named with `**`, however deep; from Vault, as far as it may be listed", async () => {
  await inService();
  const extra = canary("extra");
  infisical.putSecret(`/${scenario.namespace}/team/deep/er`, "KEY", extra);
  infisical.putSecret(`/${scenario.namespace}-beside`, "KEY", canary("beside"));
  const all = ["--store-path", `${scenario.namespace}/**`, "--yes"];
  const ended = await copy(...all);
  expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: "" });
  expect(flat(ended.stdout)).toContain("4 paths with 4 keys from infisical to vault");
  expect(await world.stored("team/deep/er")).toEqual({ KEY: extra });

  const back = ["--from", "store:vault", "--to", "store:infisical", "--dir", join(scenario.dir, "back")];
  const denied = await world.migrate("run", ...back, ...all);
  expect({ code: denied.code, stdout: denied.stdout }).toEqual({ code: 1, stdout: "" });
  expect(flat(denied.stderr)).toContain(
    `denies us secret/metadata/${scenario.namespace}/. Let the policy of our login grant "list"`,
  );
  await world.permit("list");
  const listed = await world.migrate("run", ...back, ...all, "--dry-run");
  expect({ code: listed.code, stderr: listed.stderr }).toEqual({ code: 0, stderr: "" });
  expect(flat(listed.stdout)).toContain("4 paths with 4 keys from vault to infisical");
  const nothing = await copy("--store-path", "no/such/**", "--dir", join(scenario.dir, "nothing"));
  expect(nothing).toMatchObject({ code: 64 });
  expect(flat(nothing.stderr)).toContain("infisical has nothing below no/such.");
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

/** Runs the migration again and again behind the relay, killed at each moment until it lives. What each leaves after a resume. */
async function killedAtEach(
  relay: Relay,
  inARow: number,
  [from, to]: readonly [string, string],
  left: (dir: string, stdout: string) => Promise<object>,
): Promise<object[]> {
  const ends: object[] = [];
  for (const { number, when } of moments(inARow)) {
    const dir = join(scenario.dir, `killed-${when}-${number}`);
    const killed = await killAtWrite(relay, { number, when }, () =>
      world.start("run", "--from", `store:${from}`, "--to", `store:${to}`, "--yes", "--dir", dir),
    );
    const resumed = await scenario.inside("migrate resume", ["--yes", "-o", "json", "--dir", dir], {
      ...env,
      VAULT_TOKEN: world.token,
    });
    expect({ when, number, code: resumed.code, stderr: resumed.stderr }).toMatchObject({ code: 0, stderr: "" });
    ends.push(await left(dir, resumed.stdout));
    if (!killed) break;
  }
  return ends;
}

test("killed around each of its writes, resume ends as it would have ended, and nothing is made twice; so does a rollback", async () => {
  await inService();
  const { vaultAddress } = sharedServers();
  const relay = await startRelay(vaultAddress);
  onTestFinished(() => relay.close());
  const stores = join(scenario.dir, "config/stores.yaml");
  writeFileSync(stores, readFileSync(stores, "utf8").replace(vaultAddress, relay.address));
  // Two writes a path: its data, and the notes beside them.
  const ends = await killedAtEach(relay, 2, ["infisical", "vault"], async (dir, stdout) => {
    const end = await leftInVault(dir, stdout);
    for (const name of NAMES) await metadataAt(name, "DELETE");
    return end;
  });
  expect(ends).toHaveLength(10);
  const whole = ends.at(-1);
  expect(whole).toMatchObject({
    ok: true,
    keys: { created: 3, equal: 0, conflict: 0, changed: 0, failed: 0, waiting: 0 },
    metadata: NAMES.map(() => ({ current_version: 1 })),
  });
  for (const end of ends) expect(end).toEqual(whole);

  const taken = ["--yes", "--dir", join(scenario.dir, "taken-back")];
  const own = { ...env, VAULT_TOKEN: world.token };
  const route = ["--from", "store:infisical", "--to", "store:vault"];
  expect((await scenario.inside("migrate run", [...route, ...taken], own)).code).toBe(0);
  expect(await killAtWrite(relay, { number: 1, when: "after" }, () => world.start("rollback", ...taken))).toBe(true);
  const back = await scenario.inside("migrate rollback", taken, own);
  expect({ code: back.code, stderr: back.stderr }).toEqual({ code: 0, stderr: "" });
  expect(await Promise.all(NAMES.map((name) => world.stored(name)))).toEqual(NAMES.map(() => undefined));
}, 300_000);

/** What Infisical holds below the namespace's folder: values and versions, by folder and key. */
async function heldByInfisical(): Promise<Record<string, unknown>> {
  const identity = infisical.addIdentity("universal", canary("reader"));
  const { accessToken } = infisical.issueToken(identity);
  const query = new URLSearchParams({
    projectId: infisical.projectId,
    environment: "prod",
    secretPath: `/${scenario.namespace}`,
    recursive: "true",
  });
  const headers = { authorization: `Bearer ${accessToken}` };
  const { body } = await call(`${infisical.url}/api/v4/secrets?${query.toString()}`, { headers });
  const { secrets } = body as {
    secrets: { secretPath: string; secretKey: string; secretValue: string; version: number }[];
  };
  return Object.fromEntries(
    secrets.map(({ secretPath, secretKey, secretValue, version }) => [
      `${secretPath.split("/").at(-1)}#${secretKey}`,
      [secretValue, version],
    ]),
  );
}

test("into Infisical: folders are made, bytes come back, the configuration follows; killed after each write, it ends the same", async () => {
  const relay = await startRelay(infisical.url);
  onTestFinished(() => relay.close());
  scenario.configure(
    configuration(relay.address)
      .replaceAll("store: infisical, path: /", "store: vault, path: ")
      .replace("__NAMESPACE__/admin, key: TOKEN", "__NAMESPACE__/admin.eu, key: TOKEN"),
  );
  const [token, password] = [canary("shop"), canary("db")];
  const bytes = Buffer.concat([Buffer.from([0, 255, 254]), Buffer.from(canary("admin"))]);
  await scenario.vault.put("shop", { TOKEN: token });
  await scenario.vault.put("db", { PASSWORD: password });
  await scenario.vault.put("admin.eu", { TOKEN: bytes.toString("base64") });
  await metadataAt("admin.eu", "POST", { custom_metadata: { "helmwarden-base64-0": "TOKEN", owner: "jane" } });
  await scenario.install("shop", "web", { token, url: `postgres://app:${password}@db/app` });
  await world.makeSecret("admin", { token: bytes });
  expect((await scenario.run("sync", [], env)).code).toBe(0);
  const before = await world.secrets();

  const ends = await killedAtEach(relay, Infinity, ["vault", "infisical"], async (dir, stdout) => {
    const end = { held: await heldByInfisical(), ...(JSON.parse(stdout) as object), ...generatedIn(dir) };
    for (const path of ["", "/shop", "/db", "/admin_eu"]) infisical.removeFolder(`/${scenario.namespace}${path}`);
    return end;
  });
  expect(ends.length).toBeGreaterThan(6);
  const whole = ends.at(-1);
  expect(whole).toMatchObject({
    ok: true,
    keys: { created: 3, equal: 0, conflict: 0, changed: 0, failed: 0, waiting: 0 },
    held: { "shop#TOKEN": [token, 1], "db#PASSWORD": [password, 1] },
  });
  for (const end of ends) expect(end).toEqual(whole);

  const ended = await world.migrate("run", "--from", "store:vault", "--to", "store:infisical", "--yes");
  expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: "" });
  expect(flat(ended.stdout)).toContain("notes (comments, tags, versions) have no room in infisical");
  const { generated } = generatedIn(world.dir);
  expect(generated).toContain(`{ store: "infisical", path: "/${scenario.namespace}/admin_eu", key: TOKEN }`);
  scenario.configure(generated);
  for (const name of ["shop", "db", "admin.eu"]) await scenario.vault.remove(name);
  const { stdout } = await scenario.run("sync", ["-o", "json"], env);
  const { results } = JSON.parse(stdout) as { results: PrintedResult[] };
  expect(results.map(({ outcome }) => outcome.kind)).toEqual(["inSync", "inSync"]);
  expect(await world.secrets()).toEqual(before);

  for (const name of ["shop", "db"]) await scenario.vault.put(name, { TOKEN: token, PASSWORD: password });
  scenario.configure(configuration(relay.address).replaceAll("store: infisical, path: /", "store: vault, path: "));
  const back = await world.migrate("rollback", "--yes");
  expect({ code: back.code, stderr: back.stderr }).toEqual({ code: 2, stderr: "" });
  expect(flat(back.stdout)).toContain("admin_eu#TOKEN stays: path vault:");
  expect(Object.keys(await heldByInfisical())).toEqual(["admin_eu#TOKEN"]);
}, 300_000);
