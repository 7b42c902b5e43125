import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual, promisify } from "node:util";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { newIdentity } from "../../../src/migration/ageFile.ts";
import { ageBinary } from "../../support/binaries.ts";
import { canary } from "../../support/canary.ts";
import { startFaultProxy } from "../../support/faultProxy.ts";
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

async function migrated(lock: readonly string[] = ["--new-key", keyFile]): Promise<void> {
  for (let index = 0; index < 6; index += 1) await world.makeSecret(`raw-${index}`, oddData(index, 20_000));
  await world.makeSecret(
    "typed",
    { username: Buffer.from("app"), password: Buffer.from(canary("basic")) },
    {
      metadata: { name: "typed", labels: { team: "a" }, annotations: { "example.com/owner": "platform" } },
      type: "kubernetes.io/basic-auth",
      immutable: true,
    },
  );
  const ended = await world.migrate("run", "-n", scenario.namespace, "--yes", ...lock);
  expect({ code: ended.code, stderr: ended.stderr.replace(/^The key of the backup .*\n/, "") }).toEqual({
    code: 0,
    stderr: "",
  });
}

/** All that the Secrets are but their version, which a new object has anew. */
async function withoutVersions(): Promise<Record<string, object>> {
  const list = [...(await world.secrets())];
  return Object.fromEntries(list.map(([name, secret]) => [name, { ...secret, resourceVersion: "" }]));
}

test("the backup brings back what is lost, byte for byte and mark for mark, and leaves what is newer unless told", async () => {
  await migrated();
  const before = await withoutVersions();
  await scenario.api("DELETE", secretsPath("typed"));
  await scenario.api("DELETE", secretsPath("raw-2"));
  await scenario.api(
    "PATCH",
    secretsPath("raw-0"),
    { stringData: { password: canary("newer") } },
    "application/merge-patch+json",
  );
  const relabelled = { metadata: { labels: { team: "b" } } };
  await scenario.api("PATCH", secretsPath("raw-1"), relabelled, "application/merge-patch+json");

  const dry = await restore(backup(), "--identity", keyFile, "--dry-run");
  expect(dry.stdout).toContain("Nothing was written.");
  expect((await world.secrets()).has("typed")).toBe(false);

  const first = await restore(backup(), "--identity", keyFile);
  expect(first.code).toBe(2);
  const changed = ["raw-0", "raw-1"];
  for (const name of changed)
    expect(flat(first.stdout)).toContain(`${scenario.namespace}/${name} is not as in the backup, and stays`);
  const made = await withoutVersions();
  const differing = Object.keys(before).filter((name) => !isDeepStrictEqual(made[name], before[name]));
  expect(differing.toSorted()).toEqual(changed);

  const named = changed.map((name) => `${scenario.namespace}/${name}`);
  expect(await restore(backup(), ...named, "--identity", keyFile, "--overwrite")).toMatchObject({
    code: 0,
    stderr: "",
  });
  expect(await withoutVersions()).toEqual(before);
});

test("age's own command line opens the backup, and finds in it all that was there; the values of a release go on to helm", async () => {
  const values = { token: canary("token"), url: `postgres://app:${canary("url")}@db/app` };
  const shop = await scenario.install("shop", "web", values);
  await migrated();
  const { stdout } = await promisify(execFile)(ageBinary(), ["--decrypt", "--identity", keyFile, backup()]);
  const lines = stdout.trim().split("\n");
  interface Line {
    readonly secret?: { readonly name: string; readonly data: Record<string, string> };
    readonly release?: { readonly namespace: string; readonly name: string; readonly values: object };
  }
  const kept = lines.map((line) => JSON.parse(line) as Line);
  for (const [name, { data }] of await world.secrets()) {
    expect([name, kept.find(({ secret }) => secret?.name === name)?.secret?.data]).toEqual([name, data]);
  }
  // As docs/migration.md pipes them, by jq.
  await shop.upgrade([], { token: canary("since") });
  const { release } = kept.find(
    (line) => line.release?.name === "shop" && line.release.namespace === scenario.namespace,
  )!;
  await shop.upgrade([], release!.values);
  expect(await shop.values()).toEqual(values);
});

test("a backup under a passphrase is opened by it, by age's own command line too, and by no other", async () => {
  const [right, wrong] = [canary("right-passphrase"), canary("wrong-passphrase")];
  const fileOf = (text: string): string => {
    const path = join(tmpdir(), `${scenario.namespace}.${text.length}.passphrase`);
    writeFileSync(path, `${text}\n`);
    onTestFinished(() => rmSync(path));
    return path;
  };
  const [rightFile, wrongFile] = [fileOf(right), fileOf(`${wrong}x`)];
  await migrated(["--passphrase-file", rightFile]);
  const before = await world.secrets();
  await scenario.api("DELETE", secretsPath("raw-2"));

  const refused = await restore(backup(), "--passphrase-file", wrongFile);
  expect(refused).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringContaining("cannot be opened") as unknown,
  });
  expect((await world.secrets()).has("raw-2")).toBe(false);
  expect(await restore(backup(), "--passphrase-file", rightFile)).toMatchObject({ code: 0, stderr: "" });
  expect((await world.secrets()).get("raw-2")?.data).toEqual(before.get("raw-2")?.data);

  const { sha256 } = world.journal().find(({ step }) => step === "backup") as unknown as { sha256: string };
  expect(await openedByAge(right)).toContain(sha256);
}, 180_000);

/** What age, which asks for a passphrase at a terminal only, finds in the backup: its digest, so that nothing is shown. */
async function openedByAge(passphrase: string): Promise<string> {
  const command = `${ageBinary()} --decrypt ${backup()} | sha256sum`;
  const child = spawn("script", ["-qec", command, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
  let shown = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    if (!shown.includes("passphrase") && `${shown}${text}`.includes("passphrase")) child.stdin.write(`${passphrase}\n`);
    shown += text;
  });
  await once(child, "close");
  return shown;
}

test("a backup that was changed, or is opened with another key, is refused", async () => {
  await migrated();
  const bytes = readFileSync(backup());
  bytes[bytes.length - 40]! ^= 1;
  const tampered = join(scenario.dir, "tampered.age");
  writeFileSync(tampered, bytes);
  const changed = await restore(tampered, "--identity", keyFile);
  expect(changed).toMatchObject({ code: 1, stdout: "" });
  expect(changed.stderr).toContain("cannot be opened");

  const other = join(tmpdir(), `${scenario.namespace}.other.key`);
  writeFileSync(other, `${(await newIdentity()).identity}\n`);
  const foreign = await restore(backup(), "--identity", other);
  expect(foreign).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringContaining("cannot be opened") as unknown,
  });
});

test("a restore that is killed between two Secrets brings back the rest when it is asked for again", async () => {
  await migrated();
  const before = await withoutVersions();
  for (const name of Object.keys(before)) await scenario.api("DELETE", secretsPath(name));
  const proxy = await startFaultProxy(scenario.kubeconfig);
  onTestFinished(() => proxy.close());
  let writes = 0;
  proxy.onRequest = ({ method, path }) => {
    if (method !== "POST" || !path.includes("/secrets") || path.includes("dryRun")) return;
    writes += 1;
    if (writes === 3) killed.child.kill("SIGKILL");
  };
  const proxied = proxy.kubeconfig(join(scenario.dir, "proxied"));
  const killed = startProgram(
    ["backup", "restore", backup(), "-c", join(scenario.dir, "config"), "--yes", "--identity", keyFile],
    { dir: scenario.dir, env: { KUBECONFIG: proxied, VAULT_TOKEN: canary("unused") } },
  );
  expect((await killed.end).code).toBe(null);
  expect(Object.keys(await withoutVersions()).length).toBeLessThan(Object.keys(before).length);
  expect(await restore(backup(), "--identity", keyFile)).toMatchObject({ code: 0, stderr: "" });
  expect(await withoutVersions()).toEqual(before);
});

test("a rollback that is killed half-way goes on, and takes back no more than there was", async () => {
  await migrated();
  const running = world.start("rollback", "--yes");
  await Promise.race([world.until("removed", 2), running.end]);
  running.child.kill("SIGKILL");
  await running.end;
  expect(await world.migrate("rollback", "--yes")).toMatchObject({ code: 0, stderr: "" });
  for (let index = 0; index < 6; index += 1) expect(await world.stored(`raw-${index}`)).toBeUndefined();
  expect(await world.stored("typed")).toBeUndefined();
  expect((await withoutVersions())["typed"]).toBeDefined();
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

test("a clean-up that was killed when the key and the backup were gone, but not on record, is finished by the next", async () => {
  await migrated();
  rmSync(keyFile);
  rmSync(backup());
  const args = ["migrate", "cleanup", "--dir", world.dir, "--yes", "--retention", "0s"];
  const cleanup = (...more: readonly string[]): Promise<ProgramEnd> =>
    startProgram([...args, ...more], { dir: scenario.dir, env: {} }).end;
  const keyless = await cleanup("--destroy-key", keyFile);
  expect(keyless).toMatchObject({ code: 64, stderr: expect.stringContaining("cannot be read") as unknown });
  expect(await cleanup()).toMatchObject({ code: 0, stderr: "" });
  expect((await cleanup()).stderr).toContain("There is no backup");
});
