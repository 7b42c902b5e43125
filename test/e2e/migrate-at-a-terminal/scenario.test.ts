import { readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { migrationWorld, type MigrationWorld } from "../../support/migration.ts";
import { startProgram } from "../../support/program.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";
import { openTerminal, type TerminalSession } from "../../support/terminalSession.ts";

let scenario: Scenario;
let world: MigrationWorld;
beforeEach(async () => {
  scenario = await openScenario(import.meta.dirname);
  world = await migrationWorld(scenario);
  for (const name of ["first", "second", "third"]) await world.makeSecret(name, { key: Buffer.from(canary(name)) });
});
afterEach(() => scenario.close());

const [ENTER, CTRL_C] = ["\r", "\u0003"];
const config = (): readonly string[] => ["-c", join(scenario.dir, "config")];
const run = (): TerminalSession =>
  openTerminal(["migrate", "run", ...config(), "--dir", world.dir, "-n", scenario.namespace], {
    dir: scenario.dir,
    env: { KUBECONFIG: scenario.kubeconfig, VAULT_TOKEN: world.token },
  });

/** Up to the question for the passphrase. */
async function upToPassphrase(session: TerminalSession, numbers: string): Promise<void> {
  await session.sees("nothing for all:");
  session.type(numbers + ENTER);
  await session.sees("[yes/no]");
  session.type(`yes${ENTER}`);
  await session.sees("Passphrase for the backup: ");
}

test("Secrets are chosen by number, and a passphrase is asked for twice that the terminal does not show", async () => {
  const passphrase = canary("passphrase");
  const session = run();
  await upToPassphrase(session, "1,3");
  session.type(passphrase + ENTER);
  await session.sees("Once more: ");
  session.type(passphrase + ENTER);
  expect(await session.end).toBe(0);
  expect(session.shown()).not.toContain(passphrase);
  expect(session.shown().replaceAll(/\s+/g, " ")).toContain("2 keys imported");
  expect(await world.stored("first")).toBeDefined();
  expect(await world.stored("second")).toBeUndefined();
  expect(await world.stored("third")).toBeDefined();

  const file = join(tmpdir(), `${scenario.namespace}.passphrase`);
  writeFileSync(file, passphrase);
  const backup = readdirSync(world.dir).find((name) => name.endsWith(".age"))!;
  const words = ["backup", "restore", join(world.dir, backup), ...config(), "--passphrase-file", file, "--dry-run"];
  const restored = await startProgram(words, {
    dir: scenario.dir,
    env: { KUBECONFIG: scenario.kubeconfig, VAULT_TOKEN: canary("unused") },
  }).end;
  expect(restored.stdout.replaceAll(/\s+/g, " ")).toContain(`${scenario.namespace}/third is as in the backup`);
}, 300_000);

test("two passphrases that differ, and Ctrl-C at the question: nothing is imported, and resume shows what is left", async () => {
  const session = run();
  await upToPassphrase(session, "");
  session.type(canary("one") + ENTER);
  await session.sees("Once more: ");
  session.type(canary("other") + ENTER);
  expect(await session.end).toBe(64);
  expect(session.shown()).toContain("The two passphrases differ");
  const before = world.journal();

  const left = await world.migrate("resume", "--dry-run");
  expect({ code: left.code, stderr: left.stderr }).toEqual({ code: 0, stderr: "" });
  expect(left.stdout).toContain("0 keys are in vault. It would make the backup, then try 3 keys");
  expect(left.stdout).toContain("Dry run: nothing was written.");
  expect(world.journal()).toEqual(before);

  const again = openTerminal(["migrate", "resume", ...config(), "--dir", world.dir], {
    dir: scenario.dir,
    env: { KUBECONFIG: scenario.kubeconfig, VAULT_TOKEN: world.token },
  });
  await again.sees("Passphrase for the backup: ");
  again.type(CTRL_C);
  expect(await again.end).not.toBe(0);
  expect(world.journal()).toEqual(before);
  expect(await world.stored("first")).toBeUndefined();
}, 300_000);
