// The door to every task: `node scripts/run.mjs TASK [ARGUMENTS]`. Runs on Node 18, prepares what the task needs, then runs it by the right Node.
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { artifactDir, cacheDir, repository } from "./artifacts.mjs";
import { SetupError, ensure, nodeBinary, pathWithTools } from "./setup.mjs";

const tools = ["node22", "node26", "helm4", "helm3", "cluster", "vault", "kwok", "rules"];
const everything = ["modules", ...tools, "redis", "age", "postgres", "mariadb"];
const vitest = join("node_modules", "vitest", "vitest.mjs");

const tasks = {
  setup: { needs: () => everything },
  test: { needs: (args) => (onlyUnit(args) ? ["modules"] : everything), command: ["scripts/test.ts"] },
  "test:unit": { needs: () => ["modules"], command: [vitest, "run", "--project", "unit"] },
  demo: { needs: needsOfDemo, command: ["scripts/demo.ts"] },
  build: { needs: () => ["modules"], command: ["scripts/build.mjs"] },
  image: { needs: () => ["modules", "helm4"], command: ["scripts/image.mjs"] },
  bench: { needs: () => everything, command: ["bench/run.ts"] },
  node: { needs: () => ["modules"], command: [] },
};

const [task, ...taskArgs] = process.argv.slice(2);
if (!Object.hasOwn(tasks, task ?? "")) {
  process.stderr.write(`usage: node scripts/run.mjs ${Object.keys(tasks).join("|")} [ARGUMENTS]\n`);
  process.exit(64);
}
try {
  await ensure(tasks[task].needs(taskArgs));
} catch (error) {
  process.stderr.write(`\n${error instanceof SetupError ? error.message : error.stack}\n`);
  process.exit(1);
}
if (tasks[task].command) start([...tasks[task].command, ...taskArgs]);
else process.stdout.write(`ready: everything is in ${cacheDir}\n`);

function start(command) {
  const child = spawn(nodeBinary(), command, {
    cwd: repository,
    stdio: "inherit",
    env: { ...process.env, PATH: pathWithTools() },
  });
  // A terminal sends Ctrl-C to the whole group: the child ends in its own time, and we wait for it.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? (signal === "SIGINT" ? 130 : 1);
  });
}

function onlyUnit(args) {
  const filters = args.filter((argument) => !argument.startsWith("-"));
  return filters.length > 0 && filters.every((filter) => /^(\.\/)?test\/(unit|architecture)\b/.test(filter));
}

function needsOfDemo(args) {
  const where = args.join(" ").match(/--cluster[ =](\w+)/)?.[1] ?? defaultCluster(args);
  if (where !== "current" && where !== "k3s") return ["modules", "helm4", "cluster", "vault", "kwok"];
  return ["modules", ...((process.env.HELM_BIN || onPath("helm")) && onPath("kubectl") ? [] : ["helm4"])];
}

// Nothing is built where Docker runs, unless it has been built before.
function defaultCluster(args) {
  if (existsSync(artifactDir("cluster")) || !onPath("docker")) return "local";
  if (spawnSync("docker", ["info", "--format", "{{.ServerVersion}}"], { timeout: 5_000 }).status !== 0) return "local";
  args.push("--cluster", "k3s");
  return "k3s";
}

function onPath(program) {
  return (process.env.PATH ?? "").split(delimiter).some((dir) => dir && existsSync(join(dir, program)));
}
