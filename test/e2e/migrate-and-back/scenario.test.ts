import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { newIdentity } from "../../../src/migration/ageFile.ts";
import { ageBinary } from "../../support/binaries.ts";
import { canary } from "../../support/canary.ts";
import { migrationWorld, type MigrationWorld, oddData } from "../../support/migration.ts";
import { type ProgramEnd, startProgram } from "../../support/program.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
let world: MigrationWorld;
let keyFile: string;
beforeEach(async () => {
  scenario = await openScenario(import.meta.dirname);
  world = await migrationWorld(scenario);
  keyFile = join(tmpdir(), `${scenario.namespace}.key`);
});
afterEach(() => scenario.close());

const flat = (text: string): string => text.replaceAll(/\s+/g, " ");
const secretsPath = (name = ""): string => `/api/v1/namespaces/${scenario.namespace}/secrets/${name}`;

const backup = (): string =>
  join(
    world.dir,
    readdirSync(world.dir).find((name) => name.endsWith(".age"))!,
  );
const restore = (file: string, ...args: readonly string[]): Promise<ProgramEnd> =>
  startProgram(["backup", "restore", file, "-c", join(scenario.dir, "config"), "--yes", ...args], {
    dir: scenario.dir,
    env: { KUBECONFIG: scenario.kubeconfig, VAULT_TOKEN: canary("unused") },
  }).end;

async function migrated(): Promise<void> {
  for (let index = 0; index < 6; index += 1) await world.makeSecret(`raw-${index}`, oddData(index, 20_000));
  await world.makeSecret(
    "typed",
    { username: Buffer.from("app"), password: Buffer.from(canary("basic")) },
    {
      metadata: { name: "typed", labels: { team: "a" } },
      type: "kubernetes.io/basic-auth",
    },
  );
  const ended = await world.migrate("run", "-n", scenario.namespace, "--yes", "--new-key", keyFile);
  expect(ended.code).toBe(0);
}

test("the backup brings back what is lost, byte for byte, and leaves what is newer unless told", async () => {
  await migrated();
  const before = await world.secrets();
  await scenario.api("DELETE", secretsPath("typed"));
  await scenario.api("DELETE", secretsPath("raw-2"));
  await scenario.api(
    "PATCH",
    secretsPath("raw-0"),
    { stringData: { password: canary("newer") } },
    "application/merge-patch+json",
  );

  const dry = await restore(backup(), "--identity", keyFile, "--dry-run");
  expect(dry.stdout).toContain("Nothing was written.");
  expect((await world.secrets()).has("typed")).toBe(false);

  const first = await restore(backup(), "--identity", keyFile);
  expect(first.code).toBe(2);
  expect(flat(first.stdout)).toContain(`${scenario.namespace}/raw-0 holds something else than the backup, and stays`);
  const [made] = [await world.secrets()];
  for (const name of ["typed", "raw-2"]) {
    expect([name, made.get(name)]).toMatchObject([
      name,
      { type: before.get(name)!.type, data: before.get(name)!.data },
    ]);
  }
  expect(made.get("raw-0")!.data).not.toEqual(before.get("raw-0")!.data);

  const told = await restore(backup(), `${scenario.namespace}/raw-0`, "--identity", keyFile, "--overwrite");
  expect(told).toMatchObject({ code: 0, stderr: "" });
  expect((await world.secrets()).get("raw-0")!.data).toEqual(before.get("raw-0")!.data);
});

test("age's own command line opens the backup, and finds in it all that was there", async () => {
  await migrated();
  const { stdout } = await promisify(execFile)(ageBinary(), ["--decrypt", "--identity", keyFile, backup()]);
  const lines = stdout.trim().split("\n");
  const kept = lines.map((line) => JSON.parse(line) as { secret?: { name: string; data: Record<string, string> } });
  for (const [name, { data }] of await world.secrets()) {
    expect([name, kept.find(({ secret }) => secret?.name === name)?.secret?.data]).toEqual([name, data]);
  }
});

test("a backup that was changed, or is opened with another key, is refused", async () => {
  await migrated();
  const bytes = readFileSync(backup());
  bytes[bytes.length - 40]! ^= 1;
  const tampered = join(scenario.dir, "tampered.age");
  writeFileSync(tampered, bytes);
  const changed = await restore(tampered, "--identity", keyFile);
  expect(changed).toMatchObject({ code: 1, stdout: "" });
  expect(changed.stderr).toContain("cannot be opened");

  const other = join(tmpdir(), `${scenario.namespace}.passphrase`);
  writeFileSync(other, canary("wrong"));
  expect(await restore(backup(), "--passphrase-file", other)).toMatchObject({ code: 1, stdout: "" });
});

test("a rollback takes back just what was put there, and the cluster is as it was", async () => {
  const theirs = canary("theirs");
  await scenario.vault.put("raw-0", { beside: theirs });
  await migrated();
  const before = await world.secrets();
  await scenario.vault.put("raw-1", { one: "x", "tls.crt": canary("changed since") });

  const dry = await world.migrate("rollback", "--dry-run");
  expect(dry.stdout).toContain("Dry run: nothing was written.");
  expect(await world.stored("typed")).toBeDefined();

  const back = await world.migrate("rollback", "--yes");
  expect(back.code).toBe(2);
  expect(flat(back.stdout)).toContain("raw-1#tls.crt was changed in the store since, and stays");
  expect(await world.stored("raw-0")).toEqual({ beside: theirs });
  expect(await world.stored("typed")).toBeUndefined();
  expect(await world.secrets()).toEqual(before);

  const again = await world.migrate("resume", "--yes");
  expect(flat(again.stdout)).toContain("raw-1#tls.crt is another value in the store");
  expect(await world.stored("typed")).toBeDefined();
});

test("the backup is kept for its time, then goes with its key, and status says so", async () => {
  await migrated();
  const status = async (): Promise<string> =>
    (await startProgram(["migrate", "status", "--dir", world.dir], { dir: scenario.dir, env: {} }).end).stdout;
  expect(await status()).toContain("Proven.");
  const cleanup = (...args: readonly string[]): Promise<ProgramEnd> =>
    startProgram(["migrate", "cleanup", "--dir", world.dir, "--yes", ...args], { dir: scenario.dir, env: {} }).end;
  const early = await cleanup();
  expect(early).toMatchObject({ code: 64, stdout: "" });
  expect(early.stderr).toContain("The backup is kept until");

  const key = readFileSync(keyFile, "utf8");
  const letter = "Dear diary\n";
  const another = `${(await newIdentity()).identity}\n`;
  for (const [content, says] of [
    [letter, "does not hold just one AGE-SECRET-KEY-1"],
    [`${key}${another}`, "does not hold just one AGE-SECRET-KEY-1"],
    [another, "cannot be opened"],
  ] as const) {
    const wrong = join(scenario.dir, "wrong.key");
    writeFileSync(wrong, content);
    const refused = await cleanup("--retention", "0s", "--destroy-key", wrong);
    expect(refused).toMatchObject({ stdout: "", stderr: expect.stringContaining(says) as unknown });
    expect(refused.code).not.toBe(0);
    expect(readFileSync(wrong, "utf8")).toBe(content);
    expect(existsSync(backup())).toBe(true);
  }

  const gone = await cleanup("--retention", "0s", "--destroy-key", keyFile);
  expect(gone).toMatchObject({ code: 0, stderr: "" });
  expect(flat(gone.stdout)).toContain("proves nothing on an SSD");
  expect(existsSync(keyFile)).toBe(false);
  expect(readdirSync(world.dir).filter((name) => name.endsWith(".age"))).toEqual([]);
  expect(await status()).toContain("The backup is gone");
  expect((await world.migrate("rollback", "--yes")).code).toBe(64);
});
