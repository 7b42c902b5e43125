import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { inLanes } from "../../../src/operations/lanes.ts";
import { canary } from "../../support/canary.ts";
import { type InfisicalServer, startInfisical } from "../../support/infisicalServer.ts";
import { migrationWorld, type MigrationWorld, oddData } from "../../support/migration.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
let infisical: InfisicalServer;
let world: MigrationWorld;
beforeEach(async () => {
  scenario = await openScenario(import.meta.dirname);
  infisical = await startInfisical();
  const secret = canary("client-secret");
  const { account } = infisical.addIdentity("universal", secret);
  world = await migrationWorld(scenario, { CLIENT_ID: account, CLIENT_SECRET: secret });
  scenario.configure(`
apiVersion: helmwarden.dev/v1alpha1
kind: SecretStore
metadata: { name: infisical }
spec:
  infisical:
    siteUrl: ${infisical.url}
    projectId: ${infisical.projectId}
    environment: prod
    auth: { universal: { clientId: { fromEnv: CLIENT_ID }, clientSecret: { fromEnv: CLIENT_SECRET } } }
`);
});
afterEach(async () => {
  await infisical.close();
  await scenario.close();
});

const run = async (): ReturnType<MigrationWorld["migrate"]> => {
  const recipient = await identityToRecipient(await generateX25519Identity());
  return world.migrate("run", "-n", scenario.namespace, "--to", "store:infisical", "--yes", "--recipient", recipient);
};

/** A tenth of them is large: Infisical takes no more than a megabyte of a Secret. */
const sizeOf = (index: number): number => (index % 10 === 0 ? 600_000 : 5_000);

test("folders are made, bytes of all kinds come back, and every release and Secret would be adopted", async () => {
  await inLanes([...Array(500).keys()], 8, (index) => world.makeSecret(`raw.${index}`, oddData(index, sizeOf(index))));
  const token = canary("token");
  await scenario.install("shop", "web", { token, url: `postgres://app:${token}@db/app` });
  const before = await world.secrets();
  infisical.failNext(2, 429, { "retry-after": "1" });

  const { code, stdout, stderr } = await run();
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain("Proven: a sync would adopt all 501 releases and Secrets, and change nothing.");
  expect(await world.secrets()).toEqual(before);
  expect(readFileSync(join(world.dir, "generated/infisical-permissions.txt"), "utf8")).toContain(
    `/${scenario.namespace}/raw_1`,
  );
}, 180_000);

test("what is larger than Infisical takes stops that Secret only, in words; a rollback takes the rest back", async () => {
  await world.makeSecret("small", { key: Buffer.from(canary("small")) });
  await world.makeSecret("large", {
    blob: Buffer.concat([Buffer.from([0, 255]), Buffer.from(canary("large").padEnd(900_000, "z"))]),
  });
  const { code, stdout } = await run();
  expect(code).toBe(2);
  expect(stdout.replaceAll(/\s+/g, " ")).toContain("The key blob is larger than Infisical");
  expect(stdout).toContain("1 keys imported, 0 were there already, 1 left out.");
  const back = await world.migrate("rollback", "--yes");
  expect(back).toMatchObject({ code: 0, stderr: "" });
  expect(back.stdout).toContain("took 1 keys out of infisical");
});
