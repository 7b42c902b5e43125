// `npm run demo`: the main job and the incident, on a real cluster and a real Vault, with every claim checked.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { call } from "../test/support/http.ts";
import { repository } from "./artifacts.mjs";
import {
  type ClusterKind,
  type DemoCluster,
  type DemoVault,
  startCluster,
  startDemoVault,
  toolPath,
} from "./demoServers.ts";

const usage = "usage: npm run demo -- [--cluster local|current|k3s] [--keep]";

const { cluster: kind, keep } = readArguments();
const abort = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => abort.abort());
const parent = process.ppid;
setInterval(() => process.ppid === parent || abort.abort(), 1_000).unref();

const color = process.stdout.isTTY && !process.env["NO_COLOR"];
const paint = (code: number, words: string): string => (color ? `\x1b[${code}m${words}\x1b[0m` : words);
let step = 0;

const chart = join(repository, "examples", "demo", "chart");
const work = mkdtempSync(join(tmpdir(), "helmwarden-demo-"));
const auditFile = join(work, "audit.jsonl");
const suffix = work.slice(-6).toLowerCase();
const namespace = `helmwarden-demo-${suffix}`;
const children = new Set<ChildProcess>();
let cluster: DemoCluster | undefined;
let vault: DemoVault | undefined;
let madeNamespace = false;
let failed = true;

try {
  await play();
  failed = false;
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  say(abort.signal.aborted ? "\ninterrupted" : `\n${paint(31, "demo failed")}: ${message}`);
} finally {
  await endEverything();
}
if (!failed) say("demo: ok");
process.exitCode = failed ? (abort.signal.aborted ? 130 : 1) : 0;

async function play(): Promise<void> {
  heading("Start a Kubernetes cluster and a Vault");
  const options = { dir: work, signal: abort.signal, keep };
  const started = await Promise.allSettled([startCluster(kind, options), startDemoVault(options)]);
  if (started[0].status === "fulfilled") cluster = started[0].value;
  if (started[1].status === "fulfilled") vault = started[1].value;
  for (const one of started) if (one.status === "rejected") throw one.reason;
  say(`  ${cluster?.what}`);
  say(`  ${vault?.what} at ${vault?.address}`);

  heading("Keep two secrets in Vault, and install a stateful chart with them");
  await putSecrets("shop", { API_KEY: "pay-key-of-january", DATABASE_PASSWORD: "first-and-only-password" });
  say("  Vault: secret/shop holds API_KEY and DATABASE_PASSWORD, version 1");
  await kubectl(["create", "namespace", namespace]);
  madeNamespace = true;
  const values = { app: { apiKey: "pay-key-of-january" }, database: { password: "first-and-only-password" } };
  await helmInstall("shop", values);
  say("  helm: release shop at revision 1. An app and its database are ready, the database has a volume.");
  const before = await secretOf("shop");
  const config = writeConfig("shop", [
    { path: "app.apiKey", key: "API_KEY" },
    { path: "database.password", key: "DATABASE_PASSWORD" },
  ]);
  await showFile(config);

  heading("Take the release over: Helm already holds what Vault says, so nothing is written");
  await helmwarden(["sync", "-c", config], 0);
  expect((await history("shop")).length, 1, "revisions of shop");

  heading("Change the API key in Vault, and ask what that means");
  await putSecrets("shop", { API_KEY: "pay-key-of-february", DATABASE_PASSWORD: "first-and-only-password" });
  say("  Vault: secret/shop is at version 2, with another API_KEY");
  await helmwarden(["plan", "-c", config], 2);
  expect((await history("shop")).length, 1, "revisions of shop after a plan");

  heading("Sync");
  const podsBefore = await podsOf("shop");
  await helmwarden(["sync", "-c", config], 0);

  heading("What changed, and what did not");
  const revisions = await history("shop");
  for (const { revision, status, chart: name, description } of revisions) {
    say(`  revision ${revision}  ${status.padEnd(10)}  ${name}  ${description}`);
  }
  expect(revisions.map(({ revision, status }) => `${revision} ${status}`).join(), "1 superseded,2 deployed", "history");
  const after = await secretOf("shop");
  const podsAfter = await podsOf("shop");
  table([
    ["Secret shop-secrets, api-key", verdict(before["api-key"], after["api-key"])],
    ["Secret shop-secrets, database-password", verdict(before["database-password"], after["database-password"])],
    ["pods of the app", verdict(podsBefore.app, podsAfter.app)],
    ["pod of the database", verdict(podsBefore.database, podsAfter.database)],
  ]);
  expect(after["api-key"], "pay-key-of-february", "the live api-key");
  expect(after["database-password"], "first-and-only-password", "the live database password");
  expect(podsAfter.database, podsBefore.database, "the database's pod");
  expect(podsAfter.app === podsBefore.app, false, "the app kept its old pods");
  await helmwarden(["plan", "-c", config], 0);

  heading("The audit log: what was intended and what came of it, chained by hashes, and no value in it");
  await showAudit();

  heading("The incident: the same chart, but it draws a random database password at every render");
  await putSecrets("shop2", { API_KEY: "other-key-of-january" });
  await helmInstall("shop2", { app: { apiKey: "other-key-of-january" }, database: { random: true } });
  const drawn = await secretOf("shop2");
  say("  helm: release shop2 at revision 1. Its database was created with a password that only its Secret knows.");
  const incident = writeConfig("shop2", [{ path: "app.apiKey", key: "API_KEY" }]);
  await helmwarden(["sync", "-c", incident], 0);
  await putSecrets("shop2", { API_KEY: "other-key-of-february" });
  say("  Vault: secret/shop2 has another API_KEY. A plain `helm upgrade` would now draw a new database password too:");
  say("  the volume keeps the old one, and the app says “Error establishing a database connection”.");
  const refused = await helmwarden(["sync", "-c", incident], 2);
  expect(/regeneration/i.test(refused), true, "the hold names its reason");
  expect((await history("shop2")).length, 1, "revisions of shop2");
  expect((await secretOf("shop2"))["database-password"], drawn["database-password"], "the database password of shop2");
  say("  Nothing was written: still revision 1, still the password that the database knows.");
}

// ---- parts of the world ----------------------------------------------------------------------------------------

async function putSecrets(path: string, data: Readonly<Record<string, string>>): Promise<void> {
  const { address, token } = vault!;
  const headers = { "x-vault-token": token };
  const answer = await call(`${address}/v1/secret/data/${path}`, { method: "POST", headers, body: { data } });
  if (answer.status !== 200) throw new Error(`Vault answered ${answer.status}`);
}

async function helmInstall(release: string, values: object): Promise<void> {
  const args = ["install", release, chart, "--namespace", namespace, "--wait", "--timeout", "3m", "-f", "-"];
  await run(toolPath("helm"), args, { input: JSON.stringify(values) });
}

interface HistoryEntry {
  readonly revision: number;
  readonly status: string;
  readonly chart: string;
  readonly description: string;
}

async function history(release: string): Promise<HistoryEntry[]> {
  const { output } = await run(toolPath("helm"), ["history", release, "--namespace", namespace, "-o", "json"]);
  return JSON.parse(output) as HistoryEntry[];
}

async function secretOf(release: string): Promise<Record<string, string>> {
  const output = await kubectl(["get", "secret", `${release}-secrets`, "-n", namespace, "-o", "json"]);
  const { data } = JSON.parse(output) as { data: Record<string, string> };
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString("utf8")]),
  );
}

interface PodList {
  readonly items: readonly { readonly metadata: { readonly uid: string; readonly deletionTimestamp?: string } }[];
}

async function podsOf(release: string): Promise<{ app: string; database: string }> {
  const ids = async (part: string): Promise<string> => {
    const args = ["get", "pods", "-n", namespace, "-l", `app=${release}-${part}`, "-o", "json"];
    const { items } = JSON.parse(await kubectl(args)) as PodList;
    const living = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    expect(living.length > 0, true, `the ${part} of ${release} has a pod`);
    return living
      .map(({ metadata }) => metadata.uid)
      .sort()
      .join();
  };
  return { app: await ids("app"), database: await ids("database") };
}

async function kubectl(args: readonly string[]): Promise<string> {
  return (await run(toolPath("kubectl"), args)).output;
}

function writeConfig(release: string, mappings: readonly { path: string; key: string }[]): string {
  const tokenFile = join(work, "vault-token");
  writeFileSync(tokenFile, vault!.token, { mode: 0o600 });
  const lines = [
    "apiVersion: helmwarden.dev/v1alpha1",
    "kind: SecretStore",
    "metadata: { name: vault }",
    "spec:",
    "  vault:",
    `    address: ${vault!.address}`,
    "    auth: { token: { fromFile: vault-token } }",
    "---",
    "apiVersion: helmwarden.dev/v1alpha1",
    "kind: ReleaseSync",
    `metadata: { name: ${release}, namespace: ${namespace} }`,
    "spec:",
    `  chart: { path: ${chart} }`,
    "  values:",
    ...mappings.flatMap(({ path, key }) => [
      `    - path: ${path}`,
      `      from: { store: vault, path: ${release}, key: ${key} }`,
    ]),
    "---",
    "apiVersion: helmwarden.dev/v1alpha1",
    "kind: HelmwardenConfig",
    "spec:",
    "  audit: { file: audit.jsonl }",
    "",
  ];
  const file = join(work, `${release}.yaml`);
  writeFileSync(file, lines.join("\n"));
  return file;
}

/** Runs the CLI as a user would, shows what it says, and insists on its exit code. */
async function helmwarden(args: readonly string[], code: number): Promise<string> {
  say(paint(1, `  $ helmwarden ${args.map((argument) => argument.replace(`${work}/`, "")).join(" ")}`));
  const program = [join(repository, "src", "main.ts"), ...args];
  const ended = await run(process.execPath, program, { show: true, accept: () => true });
  expect(ended.code, code, `exit code of helmwarden ${args[0]}`);
  return ended.output;
}

interface AuditLine {
  readonly kind: string;
  readonly action: string;
  readonly subject: string;
  readonly base: string;
  readonly outcome?: string;
  readonly changes: readonly { readonly path: string }[];
}

async function showAudit(): Promise<void> {
  const text = readFileSync(auditFile, "utf8");
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as AuditLine);
  for (const { kind: what, action, subject, base, outcome, changes } of lines) {
    const paths = changes.map(({ path }) => path).join(", ");
    say(`  ${what.padEnd(6)}  ${action.padEnd(7)}  ${subject}  base ${base}  ${paths}  ${outcome ?? ""}`.trimEnd());
  }
  const upgrades = lines.filter(({ action }) => action === "upgrade");
  expect(upgrades.map((line) => line.kind).join(), "intent,result", "audit records of the upgrade");
  const upgradedPaths = upgrades.map(({ changes }) => changes.map(({ path }) => path).join()).join(" ");
  expect(upgradedPaths, "app.apiKey app.apiKey", "paths in the audit log");
  const values = ["pay-key-of-january", "pay-key-of-february", "first-and-only-password"];
  expect(values.filter((value) => text.includes(value)).length, 0, "secret values in the audit log");
}

// ---- showing and checking --------------------------------------------------------------------------------------

function heading(words: string): void {
  abort.signal.throwIfAborted();
  step += 1;
  say(`\n${paint(36, `${step}. ${words}`)}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function showFile(file: string): Promise<void> {
  say(`  ${paint(1, file.replace(`${work}/`, ""))}`);
  for (const line of readFileSync(file, "utf8").trimEnd().split("\n")) say(`  │ ${line}`);
}

function table(rows: readonly (readonly [string, string])[]): void {
  for (const [what, found] of rows) say(`  ${what.padEnd(42)} ${found}`);
}

function verdict(before: string | undefined, after: string | undefined): string {
  return before === after ? "the same" : paint(33, "changed");
}

function expect(found: unknown, wanted: unknown, what: string): void {
  if (found !== wanted) throw new Error(`${what}: expected ${String(wanted)}, found ${String(found)}`);
}

interface RunOptions {
  readonly input?: string;
  /** Shows the lines of both outputs, indented. */
  readonly show?: boolean;
  readonly accept?: (code: number) => boolean;
}

async function run(
  program: string,
  args: readonly string[],
  { input, show = false, accept = (code) => code === 0 }: RunOptions = {},
): Promise<{ code: number; output: string }> {
  abort.signal.throwIfAborted();
  const child = spawn(program, args, {
    cwd: work,
    env: {
      ...process.env,
      HELM_BIN: toolPath("helm"),
      ...(cluster?.kubeconfig === undefined ? {} : { KUBECONFIG: cluster.kubeconfig }),
    },
  });
  children.add(child);
  child.stdin.on("error", () => {});
  child.stdin.end(input ?? "");
  const lines: string[] = [];
  const complaints: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    if (show) say(`  │ ${line}`);
  });
  createInterface({ input: child.stderr }).on("line", (line) => {
    complaints.push(line);
    if (show) say(`  │ ${line}`);
  });
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (ended) => resolve(ended ?? -1));
  });
  children.delete(child);
  abort.signal.throwIfAborted();
  if (!accept(code)) throw new Error(`${program} ${args[0]} ended with ${code}\n${complaints.join("\n")}`);
  return { code, output: [...lines, ...(show ? complaints : [])].join("\n") };
}

// ---- the end ---------------------------------------------------------------------------------------------------

async function endEverything(): Promise<void> {
  for (const child of children) child.kill("SIGTERM");
  if (keep && !failed) {
    say("\nKept for you to look around:");
    if (cluster?.kubeconfig !== undefined) say(`  export KUBECONFIG=${cluster.kubeconfig}`);
    say(`  export VAULT_ADDR=${vault?.address} VAULT_TOKEN=${vault?.token}`);
    say(`  namespace ${namespace}, files in ${work}`);
    const ends = [cluster?.endByHand, vault?.endByHand, `rm -r ${work}`].filter(Boolean);
    say(`When done: ${ends.join("; ")}`);
    return;
  }
  if (madeNamespace && kind === "current") {
    const args = ["delete", "namespace", namespace, "--wait=false"];
    await new Promise((resolve) => spawn(toolPath("kubectl"), args, { stdio: "ignore" }).once("close", resolve));
  }
  await Promise.all([cluster?.stop(), vault?.stop()]);
  rmSync(work, { recursive: true, force: true });
}

function readArguments(): { cluster: ClusterKind; keep: boolean } {
  try {
    const { values } = parseArgs({
      options: { cluster: { type: "string", default: "local" }, keep: { type: "boolean", default: false } },
    });
    const { cluster: chosen } = values;
    if (chosen !== "local" && chosen !== "current" && chosen !== "k3s") throw new Error(`--cluster ${chosen}: unknown`);
    return { cluster: chosen, keep: values.keep };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage}\n`);
    process.exit(64);
  }
}
