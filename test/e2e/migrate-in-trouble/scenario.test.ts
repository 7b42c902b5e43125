import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { afterEach, beforeEach, expect, test } from "vitest";
import { repository } from "../../../scripts/artifacts.mjs";
import { inLanes } from "../../../src/operations/lanes.ts";
import { canary } from "../../support/canary.ts";
import { migrationWorld, type MigrationWorld } from "../../support/migration.ts";
import { startRelay } from "../../support/relay.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";
import { sharedServers } from "../../support/servers.ts";
import { startVault, type VaultServer } from "../../support/vaultServer.ts";

let scenario: Scenario;
let world: MigrationWorld;
let vault: VaultServer;
let recipient: string;
const rootToken = canary("root");
beforeEach(async () => {
  scenario = await openScenario(import.meta.dirname);
  world = await migrationWorld(scenario, { OWN_TOKEN: rootToken });
  recipient = await identityToRecipient(await generateX25519Identity());
});
afterEach(() => scenario.close());

const flat = (text: string): string => text.replaceAll(/\s+/g, " ");
/** So many that an idle machine is not through with them before the store is gone. */
const MANY = 300;
const makeSecrets = (count: number): Promise<void> =>
  inLanes([...Array(count).keys()], 8, (index) =>
    world.makeSecret(`raw-${index}`, { key: Buffer.from(canary(`raw-${index}`)) }),
  );

test("a store that is sealed half-way, then hangs, ends the run in words; resume goes on, and nothing is made twice", async () => {
  vault = await startVault({ dir: join(scenario.dir, "..", `${scenario.namespace}-vault`), rootToken });
  try {
    scenario.configure(`
apiVersion: helmwarden.dev/v1alpha1
kind: SecretStore
metadata: { name: own }
spec: { vault: { address: "${vault.address}", auth: { token: { fromEnv: OWN_TOKEN } } } }
`);
    await makeSecrets(MANY);
    const args = ["--yes", "--recipient", recipient];
    const first = world.start("run", "-n", scenario.namespace, "--to", "own", ...args);
    await world.until("imported", 3);
    await vault.seal();
    const sealed = await first.end;
    expect(sealed.code).toBe(1);
    expect(sealed.stderr).toContain("sealed");
    const there = world.journal().filter(({ step }) => step === "imported").length;
    expect(there).toBeLessThan(MANY);

    await vault.unseal();
    const second = world.start("resume", ...args);
    await world.until("imported", there + 3);
    process.kill(vault.pid, "SIGSTOP");
    const gone = await second.end;
    process.kill(vault.pid, "SIGCONT");
    expect(gone.code).toBe(1);
    expect(world.journal().filter(({ step }) => step === "imported").length).toBeLessThan(MANY);

    const third = await world.migrate("resume", ...args, "-o", "json");
    expect({ code: third.code, stderr: third.stderr }).toEqual({ code: 0, stderr: "" });
    const { keys } = JSON.parse(third.stdout) as { keys: object };
    expect(keys).toEqual({ created: MANY, equal: 0, conflict: 0, changed: 0, failed: 0, waiting: 0 });
    const { body } = await vault.api("GET", `secret/metadata/${scenario.namespace}/raw-0`);
    expect((body as { data: { current_version: number } }).data.current_version).toBe(1);
  } finally {
    await vault.stop();
  }
}, 400_000);

test("a store that throttles is waited for as long as it asks, and every Secret arrives once", async () => {
  const relay = await startRelay(sharedServers().vaultAddress);
  try {
    scenario.configure(`
apiVersion: helmwarden.dev/v1alpha1
kind: SecretStore
metadata: { name: throttling }
spec: { vault: { address: "${relay.address}", auth: { token: { fromEnv: VAULT_TOKEN } } } }
`);
    await makeSecrets(16);
    let [asked, throttled, refused] = [0, 0, 0];
    let isMade = false;
    relay.answer = ({ method, path }) => {
      if (!path.includes("/data/")) return undefined;
      asked += 1;
      // So often, once the first is made, that the call that made it gives up, and the migration has to wait.
      const isGivenUp = isMade && method === "GET" && path.endsWith("/raw-0") && refused < 4;
      isMade ||= method !== "GET" && path.endsWith("/raw-0") && asked % 3 !== 0;
      if (!isGivenUp && asked % 3 !== 0) return undefined;
      throttled += 1;
      if (isGivenUp) refused += 1;
      const headers = isGivenUp ? { "retry-after": "1" } : {};
      return { status: 429, headers, body: '{"errors":["request path is rate limited"]}' };
    };
    const to = ["--to", "throttling", "--yes", "--recipient", recipient, "-o", "json"];
    const ended = await world.migrate("run", "-n", scenario.namespace, ...to);
    expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: "" });
    expect(refused).toBe(4);
    expect(throttled).toBeGreaterThan(10);
    const { keys } = JSON.parse(ended.stdout) as { keys: object };
    expect(keys).toMatchObject({ created: 16, equal: 0, conflict: 0, failed: 0, waiting: 0 });
    for (let index = 0; index < 16; index += 1) expect(await world.stored(`raw-${index}`)).toBeDefined();
  } finally {
    await relay.close();
  }
}, 120_000);

/** The program where no file may grow beyond so many KiB, as on a disk that is full; also as `migrate STEP …`. */
function cramped(
  kib: number,
  step: string,
  ...args: readonly string[]
): { code: number | null; stderr: string; stdout: string } {
  const main = join(repository, "src/main.ts");
  const words = [
    process.execPath,
    main,
    "migrate",
    step,
    "-c",
    join(scenario.dir, "config"),
    "--dir",
    world.dir,
    ...args,
  ];
  const { status, stdout, stderr } = spawnSync(
    "bash",
    ["-c", `trap '' XFSZ; ulimit -f ${kib}; exec "$@"`, "bash", ...words],
    {
      encoding: "utf8",
      env: {
        PATH: process.env["PATH"],
        HOME: join(scenario.dir, "home"),
        HELMWARDEN_CACHE_DIR: join(scenario.dir, "cache"),
        KUBECONFIG: scenario.kubeconfig,
        VAULT_TOKEN: world.token,
      },
    },
  );
  return { code: status, stdout, stderr };
}

test("a disk that is full while the backup is written leaves no backup and imports nothing; resume makes it anew", async () => {
  await world.makeSecret("large", { key: Buffer.from(canary("large").padEnd(200_000, "z")) });
  const full = cramped(64, "run", "-n", scenario.namespace, "--yes", "--recipient", recipient);
  expect(full.code).toBe(1);
  expect(flat(full.stderr)).toContain("cannot be written");
  expect(readdirSync(world.dir)).toEqual(["journal.jsonl"]);
  expect(await world.stored("large")).toBeUndefined();
  const resumed = await world.migrate("resume", "--yes", "--recipient", recipient);
  expect({ code: resumed.code, stderr: resumed.stderr }).toEqual({ code: 0, stderr: "" });
}, 300_000);

test("a disk that is full in the midst of the import stops it: without a line in the journal no key is made", async () => {
  await makeSecrets(90);
  const names = Array.from({ length: 90 }, (_, index) => `raw-${index}`);
  const full = cramped(28, "run", "-n", scenario.namespace, "--yes", "--recipient", recipient);
  expect({ code: full.code, stderr: flat(full.stderr) }).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("The journal") as string,
  });
  expect(existsSync(join(world.dir, "journal.jsonl"))).toBe(true);
  const known = new Set(
    world.journal().flatMap(({ step, path }) => (step === "intent" ? [String(path).split("/").at(-1)] : [])),
  );
  expect(known.size).toBeGreaterThan(0);
  expect(known.size).toBeLessThan(90);
  const unknown = names.filter((name) => !known.has(name));
  const made: string[] = [];
  for (const name of unknown) if ((await world.stored(name)) !== undefined) made.push(name);
  expect(made).toEqual([]);
  const resumed = await world.migrate("resume", "--yes", "--recipient", recipient, "-o", "json");
  expect({ code: resumed.code, stderr: resumed.stderr }).toEqual({ code: 0, stderr: "" });
  const { keys } = JSON.parse(resumed.stdout) as { keys: Record<string, number> };
  expect(keys).toMatchObject({ created: 90, equal: 0, waiting: 0 });
  expect(readFileSync(join(world.dir, "generated/helmwarden.yaml"), "utf8").match(/kind: SecretSync/g)).toHaveLength(
    90,
  );
}, 300_000);

test("a disk that is full while the journal is begun: resume completes it first, so that no Secret is left out", async () => {
  await makeSecrets(90);
  const full = cramped(8, "run", "-n", scenario.namespace, "--yes", "--recipient", recipient);
  expect({ code: full.code, stderr: flat(full.stderr) }).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("The journal") as string,
  });
  const begun = world.journal().filter(({ step }) => step === "item").length;
  expect(begun).toBeGreaterThan(0);
  expect(begun).toBeLessThan(90);
  expect(await world.stored("raw-0")).toBeUndefined();
  const resumed = await world.migrate("resume", "--yes", "--recipient", recipient, "-o", "json");
  expect({ code: resumed.code, stderr: resumed.stderr }).toEqual({ code: 0, stderr: "" });
  const { keys } = JSON.parse(resumed.stdout) as { keys: Record<string, number> };
  expect(keys).toMatchObject({ created: 90, equal: 0, waiting: 0 });
}, 300_000);
