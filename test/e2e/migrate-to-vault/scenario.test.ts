import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { afterEach, beforeEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { generationOf } from "../../support/deployment.ts";
import { migrationWorld, type MigrationWorld, oddData } from "../../support/migration.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
let world: MigrationWorld;
beforeEach(async () => {
  scenario = await openScenario(import.meta.dirname);
  world = await migrationWorld(scenario);
});
afterEach(() => scenario.close());

const anyone = async (): Promise<readonly string[]> => {
  const recipient = await identityToRecipient(await generateX25519Identity());
  return ["--yes", "--recipient", recipient];
};

/** Without the breaks of lines. */
const flat = (text: string): string => text.replaceAll(/\s+/g, " ");

/** What Vault has of a Secret's key, as base64. */
async function held(name: string, key: string, encoded: boolean): Promise<string | undefined> {
  const text = (await world.stored(name))?.[key];
  return encoded || text === undefined ? text : Buffer.from(text).toString("base64");
}

async function installShops(): Promise<void> {
  const [token, password, dotted] = [canary("token"), canary("nested"), canary("dotted")];
  await scenario.install("shop", "web", {
    token,
    url: `postgres://app:${token}@db/app`,
    registry: { password: canary("registry") },
  });
  await scenario.install("nest", "nested", {
    servers: [{ name: "a", password }],
    annotations: { "example.org/key": dotted },
  });
  await scenario.install("random", "random-password", {});
  await scenario.install("db", "database", { password: canary("db"), encryptionKey: canary("key") });
  await scenario.install("encoded", "encoded", { certificate: Buffer.from(canary("base64")).toString("base64") });
  await world.makeSecret("login", { PASSWORD: Buffer.from(canary("login")) });
  await scenario.install("taker", "takes-secret", { existingSecret: "login" });
}

test("Secrets and values of all kinds arrive byte for byte, and every release and Secret would be adopted", async () => {
  await installShops();
  for (let index = 0; index < 24; index += 1) await world.makeSecret(`raw-${index}`, oddData(index, 900_000));
  await world.makeSecret(
    "owned",
    { a: Buffer.from(canary("owned")) },
    {
      metadata: { name: "owned", annotations: { "cert-manager.io/certificate-name": "x" } },
    },
  );
  const before = await world.secrets();
  const rolled = await generationOf(scenario.api, scenario.namespace, "shop");

  const args = ["-n", scenario.namespace, ...(await anyone()), "--rotate", "90d"];
  const { code, stdout, stderr } = await world.migrate("run", ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(flat(stdout)).toContain("Proven: a sync would adopt all 29 releases and Secrets, and change nothing.");
  expect(flat(stdout)).toContain(`skipped ${scenario.namespace}/owned: written by cert-manager`);
  expect(flat(stdout)).toContain("api-key is in no value of the release: its chart makes it");

  const wrong: string[] = [];
  for (const [name, { data }] of before) {
    for (const [key, base64] of Object.entries(data)) {
      const found = await held(name, key, key === "blob");
      if (name !== "owned" && found !== base64) wrong.push(`${name}#${key}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(await world.secrets()).toEqual(before);
  expect(await generationOf(scenario.api, scenario.namespace, "shop")).toBe(rolled);
  const history = JSON.parse(await scenario.helm(["history", "shop", "--output", "json"])) as unknown[];
  expect(history).toHaveLength(1);

  const documents = readFileSync(join(world.dir, "generated/helmwarden.yaml"), "utf8");
  expect(documents).toContain('path: "servers[0].password"');
  expect(documents).toMatch(/path: "certificate"\n[\s\S]{0,120}base64/);
  expect(documents).toMatch(/kind: SecretSync\nmetadata: \{ name: "login"/);
  expect(documents).not.toContain("owned");
  expect(documents).toContain("# kind: RotationPolicy");
  expect(documents).toMatch(
    /No policy for \S+ of encryptionKey of release \S+\/db: it looks like a key that encrypts data/,
  );
});

test("killed at every step, it goes on where it was, and what it made is known as its own", async () => {
  await installShops();
  for (let index = 0; index < 18; index += 1) await world.makeSecret(`raw-${index}`, oddData(index, 100_000));
  const args = await anyone();
  const steps = [
    ["begin", 1],
    ["backup", 1],
    ["intent", 1],
    ["imported", 3],
    ["stage", 1],
    ["stage", 3],
  ] as const;
  for (const [step, count] of steps) {
    const scope = world.journal().length === 0 ? (["run", "-n", scenario.namespace] as const) : (["resume"] as const);
    const [name, ...more] = scope;
    const running = world.start(name, ...more, ...args);
    await Promise.race([world.until(step, count), running.end]);
    running.child.kill("SIGKILL");
    await running.end;
  }
  const ended = await world.migrate("resume", ...args, "-o", "json");
  expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: "" });
  const { keys } = JSON.parse(ended.stdout) as { keys: Record<string, number> };
  expect(keys).toMatchObject({ equal: 0, conflict: 0, changed: 0, failed: 0, waiting: 0 });
  expect(keys["created"]).toBeGreaterThan(25);
}, 120_000);

test("another value in the store stops that key only, and a Secret that is changed meanwhile is seen", async () => {
  const [mine, theirs] = [canary("mine"), canary("theirs")];
  await world.makeSecret("both", { taken: Buffer.from(mine), free: Buffer.from(mine) });
  await world.makeSecret("equal", { same: Buffer.from(mine) });
  await scenario.vault.put("both", { taken: theirs });
  await scenario.vault.put("equal", { same: mine });
  const first = await world.migrate("run", "-n", scenario.namespace, ...(await anyone()));
  expect(first.code).toBe(2);
  expect(flat(first.stdout)).toContain("both#taken is another value in the store, which was there before and stays");
  expect(flat(first.stdout)).toContain("1 keys imported, 1 were there already, 1 left out.");
  expect(await world.stored("both")).toEqual({ taken: theirs, free: mine });
  expect(readFileSync(join(world.dir, "generated/helmwarden.yaml"), "utf8")).not.toContain("taken");

  await scenario.api(
    "PATCH",
    `/api/v1/namespaces/${scenario.namespace}/secrets/equal`,
    {
      stringData: { same: canary("changed") },
    },
    "application/merge-patch+json",
  );
  const again = await world.migrate("verify", "-o", "json");
  expect(again.code).toBe(2);
  const { differences } = JSON.parse(again.stdout) as { differences: { where: string; what: string }[] };
  expect(differences.map(({ where, what }) => `${where.split("/")[1]} ${what}`)).toContain(
    `equal#same was changed in secret ${scenario.namespace}/equal since`,
  );
});

test("a path that the store denies is left out, in words, and the others arrive", async () => {
  await world.makeSecret("open", { key: Buffer.from(canary("open")) });
  await world.makeSecret("closed", { key: Buffer.from(canary("closed")) });
  const mapping = join(scenario.dir, "mapping.yaml");
  writeFileSync(mapping, `paths: { "${scenario.namespace}/closed": "elsewhere/closed" }`);
  const ended = await world.migrate("run", "-n", scenario.namespace, ...(await anyone()), "--mapping", mapping);
  expect(ended.code).toBe(2);
  expect(flat(ended.stdout)).toContain("denies us secret/data/elsewhere/closed");
  expect(flat(ended.stdout)).toContain("1 keys imported, 0 were there already, 1 left out.");
  expect(await world.stored("open")).toBeDefined();
});

test("a dry run writes nothing, and says so", async () => {
  await world.makeSecret("one", { key: Buffer.from(canary("one")) });
  const dry = await world.migrate("run", "-n", scenario.namespace, "--dry-run");
  expect(dry).toMatchObject({ code: 0, stderr: "" });
  expect(dry.stdout).toContain("Dry run: nothing was written.");
  expect(world.journal()).toEqual([]);
  expect(await world.stored("one")).toBeUndefined();
});
