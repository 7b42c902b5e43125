// All of `npm test`: type check, lint and format, every test on one control plane and one Vault, then no secret and no process left over.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findLeftovers } from "../test/support/leftovers.ts";
import { sharedServers, startSharedServers } from "../test/support/servers.ts";
import { repository } from "./artifacts.mjs";
import { missingBuilds, readLockfile } from "./lockfile.mjs";
import { closingLine, type Count, skippedIn, type VitestSummary } from "./testSummary.ts";

const args = process.argv.slice(2);
const filters = args.filter((argument) => !argument.startsWith("-"));
const onlyUnit = filters.length > 0 && filters.every((filter) => /^(\.\/)?test\/(unit|architecture)\b/.test(filter));
const everything = args.length === 0;

const abort = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => abort.abort());
const parent = process.ppid;
setInterval(() => process.ppid === parent || abort.abort(), 1_000).unref();

const count: Count = { passed: 0, failed: 0, skipped: 0 };

function record(what: string, problems: readonly string[]): void {
  if (problems.length === 0) {
    count.passed += 1;
    return;
  }
  count.failed += 1;
  for (const problem of problems) process.stdout.write(`${what}: ${problem}\n`);
}

const work = mkdtempSync(join(tmpdir(), "helmwarden-test-"));
let servers: { stop(): Promise<void> } | undefined;
try {
  const [started] = await Promise.all([
    onlyUnit ? undefined : startSharedServers(work, abort.signal),
    everything ? staticChecks() : undefined,
  ]);
  servers = started;
  if (!abort.signal.aborted) await runVitest();
  if (servers !== undefined && everything && !abort.signal.aborted) await searchForSecrets();
} catch (error) {
  if (!abort.signal.aborted)
    record("test run", [error instanceof Error ? (error.stack ?? error.message) : String(error)]);
} finally {
  await servers?.stop();
  endLeftovers();
}
if (count.failed === 0) rmSync(work, { recursive: true, force: true });
else process.stdout.write(`\nThe servers' logs and the outputs of the run are in ${work}\n`);
process.stdout.write(`\n${abort.signal.aborted ? "interrupted\n" : ""}${closingLine(count)}\n`);
process.exitCode = abort.signal.aborted ? 130 : count.failed === 0 ? 0 : 1;

async function check(what: string, command: readonly string[]): Promise<void> {
  const { code, output } = await run(command);
  record(what, code === 0 ? [] : [`failed\n${output}`]);
}

async function staticChecks(): Promise<void> {
  const unlocked = missingBuilds(readLockfile()).map(([name]) => name);
  record("lockfile", unlocked.length === 0 ? [] : [`lacks ${unlocked.join(", ")}: run \`npm run lockfile\``]);
  await Promise.all([
    check("type check", ["tsc", "--noEmit"]),
    check("lint and format", ["npm", "run", "--silent", "lint"]),
  ]);
}

async function runVitest(): Promise<void> {
  const summaryFile = join(work, "vitest.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${summaryFile}`];
  const { code } = await run(["vitest", "run", ...reporters, ...args], { show: true });
  if (!existsSync(summaryFile)) {
    if (!abort.signal.aborted) record("vitest", [`ended with ${code} and no summary`]);
    return;
  }
  const summary = JSON.parse(readFileSync(summaryFile, "utf8")) as VitestSummary;
  const broken = summary.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
  const skipped = skippedIn(summary, repository);
  // Chosen by name, the others are no surprise.
  if (skipped.length > 0 && !args.some((argument) => /^(-t|--testNamePattern)/.test(argument)))
    process.stdout.write(`\nSkipped:\n${skipped.map((test) => `  ${test}\n`).join("")}`);
  count.skipped += skipped.length;
  count.passed += summary.numPassedTests;
  count.failed += summary.numFailedTests + broken.length;
  const blamed = summary.numFailedTests + broken.length > 0;
  if (code !== 0 && !blamed && !abort.signal.aborted) record("vitest", [`ended with ${code} though no test failed`]);
}

async function searchForSecrets(): Promise<void> {
  const module = join(repository, "test", "support", "leaks.ts");
  if (!existsSync(module)) return;
  type SearchLeaks = (options: { runDir: string; kubeconfig: string }) => Promise<string[]>;
  const { searchLeaks } = (await import(module)) as { searchLeaks: SearchLeaks };
  const { runDir, kubeconfig } = sharedServers();
  record("secret found", await searchLeaks({ runDir, kubeconfig }));
}

function endLeftovers(): void {
  const leftovers = findLeftovers(work);
  for (const { pid } of leftovers) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has just ended by itself.
    }
  }
  record(
    "process left over",
    leftovers.map(({ pid, command }) => `${pid} ${command}`),
  );
}

function run(command: readonly string[], { show = false } = {}): Promise<{ code: number | null; output: string }> {
  const [program = "", ...rest] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, { cwd: repository, stdio: show ? "inherit" : ["ignore", "pipe", "pipe"] });
    const end = (): void => void child.kill("SIGTERM");
    abort.signal.addEventListener("abort", end, { once: true });
    let output = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.on("error", reject);
    child.on("close", (code) => {
      abort.signal.removeEventListener("abort", end);
      resolve({ code, output });
    });
  });
}
