// docs/install.md, line by line: from a cluster with an app and a Vault that know nothing of helmwarden to the first synced release.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { cacheDir, repository } from "../../../scripts/artifacts.mjs";
import { helmBinary } from "../../support/binaries.ts";
import { canary } from "../../support/canary.ts";
import { type ChartServer, startChartRepository } from "../../support/chartServers.ts";
import { clusterApi } from "../../support/clusterApi.ts";
import { helmRun, writeChart } from "../../support/helmRun.ts";
import { type InfisicalServer, startInfisical } from "../../support/infisicalServer.ts";
import { searchFolder } from "../../support/leaks.ts";
import { waitUntil } from "../../support/process.ts";
import { sharedServers } from "../../support/servers.ts";
import { startVault, type VaultServer } from "../../support/vaultServer.ts";

const { kubeconfig, runDir } = sharedServers();
const api = clusterApi(kubeconfig);
const dir = mkdtempSync(join(runDir, "install-page-"));
const page = readFileSync(join(repository, "docs/install.md"), "utf8");
const mayMount = spawnSync("unshare", ["--mount", "mount", "-o", "remount,ro,bind", "/"]).status === 0;
const [first, second] = [canary("first"), canary("second")];

let vault: VaultServer;
let charts: ChartServer;
let infisical: InfisicalServer;
let programs = "";
let port = 0;

/** The blocks of one section, by language. */
function blocks(heading: string, language: "sh" | "yaml"): string[] {
  const [, section = ""] = new RegExp(`^#+ ${heading}$([\\s\\S]*?)(?=^#)`, "m").exec(withoutComments()) ?? [];
  const found = [...section.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
  return found.filter(([, of]) => of === language).map(([, , block = ""]) => block);
}

/** A comment in a block is no heading. */
function withoutComments(): string {
  return page.replaceAll(/^```sh\n[\s\S]*?^```$/gm, (block) => block.replaceAll(/^#.*\n/gm, ""));
}

/** What the page leaves to the reader: addresses, a value, and a port that is free on this machine. */
function filled(block: string, value: string): string {
  return (
    block
      .replaceAll("API_KEY=…", `API_KEY=${value}`)
      .replaceAll("https://vault.example.com:8200", vault.address)
      .replaceAll("https://charts.example.com", charts.url)
      // A minute is long for a test.
      .replace(/spec:\n {2}(?=vault:|infisical:)/, "spec:\n  refreshInterval: 5s\n  ")
      .replaceAll("https://infisical.example.com", infisical.url)
      .replaceAll("projectSlug: apps", `projectSlug: ${infisical.projectSlug}`)
      .replaceAll("kubectl -n helmwarden exec deploy/helmwarden -- helmwarden", "in-pod")
      .replaceAll("--values roles.yaml", `--values roles.yaml --set config.settings.http.port=${port}`)
      .replace(/^kubectl .* logs .*\n/m, "")
  );
}

const node = (file: string, ...args: string[]): string =>
  `#!/bin/sh\n${[process.execPath, join(repository, file), ...args].join(" ")} "$@"\n`;

/** Programs of the page, under the names that it calls them by. */
function makePrograms(): string {
  const bin = join(dir, "bin");
  mkdirSync(bin);
  const scripts = {
    vault: node("test/fixtures/vaultCli.ts"),
    helmwarden: node("src/main.ts"),
    // 2: changes are pending.
    "in-pod": `${node("test/fixtures/inPod.ts", join(dir, "pod"))}code=$?\n[ $code -eq 2 ] || exit $code\n`,
  };
  for (const [name, script] of Object.entries(scripts)) writeFileSync(join(bin, name), script, { mode: 0o755 });
  symlinkSync(join(repository, "deploy"), join(dir, "deploy"));
  return `${bin}:${dirname(helmBinary(4))}:${process.env["PATH"]}`;
}

const environment = (path: string): Record<string, string> => ({
  PATH: path,
  HOME: join(dir, "home"),
  KUBECONFIG: kubeconfig,
  HELMWARDEN_CACHE: cacheDir,
  VAULT_ADDR: vault.address,
  VAULT_TOKEN: vault.rootToken,
});

/** Runs lines of the page in one shell that stops at the first that fails. Through a pipe: they hold secrets. */
async function play(lines: string, env: Record<string, string>): Promise<string> {
  const shell = spawn("sh", ["-eus"], { cwd: dir, env, stdio: ["pipe", "pipe", "pipe"] });
  // Read whole before any of it is run, as what is run must not read the rest.
  shell.stdin.end(`{\n${lines}\n} </dev/null\n`);
  const [[code], out, err] = await Promise.all([once(shell, "close"), text(shell.stdout), text(shell.stderr)]);
  if (code !== 0) throw new Error(`${lines}\nended with ${code}:\n${out}\n${err}`);
  return out;
}

interface Daemon {
  readonly ended: Promise<unknown>;
  readonly log: () => string;
}

/** What the pod's container runs by itself. */
function startDaemon(env: Record<string, string>): Daemon {
  const child = spawn(join(dir, "bin/in-pod"), { cwd: dir, env, stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => (log += part.toString()));
  return { ended: once(child, "exit"), log: () => log };
}

async function until(what: string, daemon: Daemon, ready: () => Promise<boolean>): Promise<void> {
  await waitUntil(what, ready, { processes: [], timeoutMs: 120_000 }).catch((caught: Error) => {
    throw new Error(`${caught.message}\n${daemon.log()}`);
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, "listening");
  const found = (server.address() as { port: number }).port;
  server.close();
  return found;
}

/** The app that is there already, from the repository that the page names. */
async function installApp(env: Record<string, string>): Promise<void> {
  const chart = writeChart(join(dir, "charts"), {
    name: "shop",
    version: "1.4.2",
    values: "app: { apiKey: none }\n",
    templates: {
      "app.yaml": readFileSync(join(import.meta.dirname, "app.yaml"), "utf8"),
    },
  });
  const helm = helmRun(4, { kubeconfig, namespace: "web", dir: join(dir, "owner") });
  await helm.run("package", chart, "--destination", join(dir, "repository"));
  await helm.run("repo", "index", join(dir, "repository"));
  const where = `--repo ${charts.url} --namespace web --create-namespace --wait`;
  await play(`printf %s '${first}' | helm install shop shop ${where} --set-file app.apiKey=/dev/stdin`, env);
}

beforeAll(async () => {
  if (!mayMount) return;
  for (const name of ["home", "owner", "repository", "charts", "pod"]) mkdirSync(join(dir, name));
  vault = await startVault({ dir: join(dir, "vault") });
  charts = await startChartRepository(join(dir, "repository"));
  infisical = await startInfisical();
  port = await freePort();
  programs = makePrograms();
});
/** The next way begins from nothing as well. */
afterEach(async () => {
  if (!mayMount) return;
  await api("DELETE", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/helmwarden-logs-in");
  for (const name of ["web", "helmwarden"]) {
    const path = `/api/v1/namespaces/${name}`;
    await api("DELETE", path);
    await waitUntil(`${name} is gone`, async () => (await api("GET", path)).status === 404, {
      processes: [],
      timeoutMs: 120_000,
    });
  }
  rmSync(join(dir, "pod"), { recursive: true });
  mkdirSync(join(dir, "pod"));
}, 180_000);
afterAll(async () => {
  if (mayMount) await Promise.all([vault.stop(), charts.close(), infisical.close()]);
});

const revision = async (): Promise<number> => {
  const { body } = await api("GET", "/api/v1/namespaces/web/secrets?labelSelector=owner%3Dhelm");
  return (body as { items: object[] }).items.length;
};
const live = async (): Promise<string> => {
  const { body } = await api("GET", "/api/v1/namespaces/web/secrets/shop");
  return Buffer.from((body as { data: { key: string } }).data.key, "base64").toString();
};

/** What differs between the stores: what the page says of it, and how its secret is changed afterwards. */
interface Way {
  readonly section: string;
  readonly prepare: (env: Record<string, string>) => Promise<void>;
  readonly change: (env: Record<string, string>) => Promise<void>;
  readonly checked: string;
}

const ways: readonly Way[] = [
  {
    section: "With Vault",
    async prepare(env) {
      const [common = "", inside = "", elsewhere = ""] = blocks("With Vault", "sh");
      // This Vault runs beside the cluster.
      expect(inside).toContain("https://kubernetes.default.svc");
      for (const block of [common, elsewhere]) await play(filled(block, first), env);
    },
    async change(env) {
      const [block = ""] = blocks("4. See it work", "sh");
      expect(await play(filled(block, second), env)).toContain("deployed");
    },
    checked: "ok    store vault: Vault at ",
  },
  {
    section: "With Infisical",
    async prepare(env) {
      const secret = canary("client-secret");
      const { account } = infisical.addIdentity("universal", secret);
      infisical.putSecret("/apps/shop", "API_KEY", first);
      const [block = ""] = blocks("With Infisical", "sh");
      const typed = `${block.replace("client-id=…", `client-id=${account}`).trimEnd()} <<'TYPED'\n${secret}\nTYPED\n`;
      await play(typed, env);
    },
    change: async () => infisical.putSecret("/apps/shop", "API_KEY", second),
    checked: "ok    store infisical: Infisical at ",
  },
];

test.skipIf(!mayMount).each(ways)(
  "$section: the page's lines lead from nothing to a synced release",
  async ({ section, prepare, change, checked }) => {
    const env = environment(programs);
    await installApp(env);
    const [config = ""] = blocks(section, "yaml");
    writeFileSync(join(dir, "config.yaml"), filled(config, ""));
    await prepare(env);
    const [roles = ""] = blocks("Permissions", "sh");
    const printed = await play(filled(roles, ""), env);
    expect(printed).toContain('"kind": "ServiceAccount", "namespace": "helmwarden", "name": "helmwarden"');
    const [install = ""] = blocks("3. The chart", "sh");
    const shown = await play(filled(install, ""), env);
    expect(shown).toContain(checked);
    expect(shown).not.toContain("FAIL");
    expect(shown).toContain("shop");

    const daemon = startDaemon(env);
    try {
      await until("the daemon is ready", daemon, async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok);
      await change(env);
      await until("the app has the new value", daemon, async () => (await live()) === second);
    } finally {
      process.kill(Number(readFileSync(join(dir, "pod/pid"), "utf8")), "SIGTERM");
    }
    expect(await daemon.ended).toEqual([0, null]);
    expect(await revision()).toBe(2);
    expect(readFileSync(join(dir, "pod/audit/audit.jsonl"), "utf8")).toContain("web/shop");
    expect(daemon.log()).not.toMatch(/"level":"(warn|error)"/);
    expect(searchFolder(dir)).toEqual([]);
  },
  400_000,
);
