import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { repository } from "../../scripts/artifacts.mjs";
import { helmBinary } from "../support/binaries.ts";
import { canary } from "../support/canary.ts";
import { helmRun, writeChart } from "../support/helmRun.ts";
import { call } from "../support/http.ts";
import { startMariadb } from "../support/mariadb.ts";
import { makeNamespace } from "../support/namespace.ts";
import { startPostgres } from "../support/postgres.ts";
import { waitUntil } from "../support/process.ts";
import { databaseFolder } from "../support/rotation.ts";
import { sharedServers } from "../support/servers.ts";

const { kubeconfig, runDir, vaultAddress, vaultToken } = sharedServers();
const dir = mkdtempSync(join(runDir, "dist-"));
const dist = join(dir, "dist");

beforeAll(async () => {
  await promisify(execFile)(process.execPath, [join(repository, "scripts", "build.mjs"), dist]);
});

/** The built program in a folder without node_modules above it, and with little in its environment. */
function helmwarden(...args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const env = { PATH: process.env["PATH"], HOME: dir, KUBECONFIG: kubeconfig, HELM_BIN: helmBinary(4) };
  return promisify(execFile)(process.execPath, [join(dist, "main.js"), ...args], { cwd: dir, env });
}

test("the built program helps, and prints the schema that the sources print", async () => {
  expect((await helmwarden("--help")).stdout).toContain("Usage: helmwarden");
  const sources = await promisify(execFile)(process.execPath, [join(repository, "src", "main.ts"), "schema"]);
  expect((await helmwarden("schema")).stdout).toBe(sources.stdout);
});

test("every file of it loads with nothing beside it, a cloud's login included", async () => {
  const files = readdirSync(dist).filter((name) => name.endsWith(".js") && name !== "main.js");
  const load = `await Promise.all(${JSON.stringify(files)}.map((name) => import("${dist}/" + name)))`;
  const { stderr } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", load], { cwd: dir });
  expect(stderr).toBe("");
  const leftOut = /import\("(?!\.\/|node:)/;
  expect(files.filter((name) => leftOut.test(readFileSync(join(dist, name), "utf8")))).toEqual([]);
});

test("it plans a real release from a real Vault", async () => {
  const namespace = await makeNamespace(kubeconfig, "dist");
  const wanted = canary("dist");
  const headers = { "x-vault-token": vaultToken };
  const body = { data: { TOKEN: wanted } };
  await call(`${vaultAddress}/v1/secret/data/${namespace.name}`, { method: "POST", headers, body });
  const chart = writeChart(dir, {
    name: "plain",
    version: "1.0.0",
    values: "token: none\n",
    templates: {
      "secret.yaml":
        "apiVersion: v1\nkind: Secret\nmetadata: { name: plain }\nstringData: { token: {{ .Values.token | quote }} }\n",
    },
  });
  await helmRun(4, { kubeconfig, namespace: namespace.name, dir }).run("install", "plain", chart);
  writeFileSync(join(dir, "token"), vaultToken, { mode: 0o600 });
  const documents = [
    {
      kind: "SecretStore",
      metadata: { name: "vault" },
      spec: { vault: { address: vaultAddress, auth: { token: { fromFile: "token" } } } },
    },
    {
      kind: "ReleaseSync",
      metadata: { name: "plain", namespace: namespace.name },
      spec: {
        chart: { path: chart },
        values: [{ path: "token", from: { store: "vault", path: namespace.name, key: "TOKEN" } }],
      },
    },
  ];
  const text = documents
    .map((one) => JSON.stringify({ apiVersion: "helmwarden.dev/v1alpha1", ...one }))
    .join("\n---\n");
  writeFileSync(join(dir, "config.yaml"), text);
  const planned = await helmwarden("plan", "-c", "config.yaml").catch(
    (ended: { code: number; stdout: string }) => ended,
  );
  expect(planned).toMatchObject({ code: 2, stdout: expect.stringContaining("~ token") });
  expect(planned.stdout).not.toContain(wanted);
  await namespace.remove();
});

test("it runs as a daemon, answers, and stops when told", async () => {
  const http = { address: "127.0.0.1", port: 0 };
  const daemon = {
    apiVersion: "helmwarden.dev/v1alpha1",
    kind: "HelmwardenConfig",
    spec: { audit: { file: "a" }, http },
  };
  writeFileSync(join(dir, "daemon.yaml"), JSON.stringify(daemon));
  const env = { PATH: process.env["PATH"], HOME: dir, KUBECONFIG: kubeconfig, HELM_BIN: helmBinary(4) };
  const child = spawn(process.execPath, [join(dist, "main.js"), "run", "-c", "daemon.yaml"], { cwd: dir, env });
  const ended = once(child, "exit");
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => (log += part.toString()));
  try {
    const port = (): string | undefined => /"port":(\d+)/.exec(log)?.[1];
    await waitUntil(`the daemon listens`, async () => port() !== undefined || child.exitCode !== null, {
      processes: [],
      timeoutMs: 20_000,
    });
    const { status, body } = await call(`http://127.0.0.1:${port()}/metrics`);
    expect({ status, body }).toMatchObject({ status: 200, body: expect.stringContaining("helmwarden_build_info{") });
  } finally {
    child.kill("SIGTERM");
  }
  expect(await ended).toEqual([0, null]);
});

test("it logs in to a real MariaDB and a real PostgreSQL, by the libraries that it holds", async () => {
  const folder = databaseFolder();
  const [mariadb, postgres] = await Promise.all([
    startMariadb({ dir: join(folder.dir, "mariadb") }),
    startPostgres({ dir: join(folder.dir, "postgres") }),
  ]);
  try {
    const password = canary("database");
    for (const server of [mariadb, postgres]) await server.makeUser("app", password);
    const place = `dist-${Date.now()}`;
    const body = { data: { PW: password } };
    const headers = { "x-vault-token": vaultToken };
    await call(`${vaultAddress}/v1/secret/data/${place}`, { method: "POST", headers, body });
    writeFileSync(join(dir, "token"), vaultToken, { mode: 0o600 });
    const policies = Object.entries({ mariadb, postgres }).map(([kind, { port, superuser }]) => {
      writeFileSync(join(dir, `${kind}-password`), superuser.password, { mode: 0o600 });
      const admin = { user: superuser.user, password: { fromFile: `${kind}-password` } };
      const secret = { store: "vault", path: place, key: "PW" };
      const target = { [kind]: { host: "127.0.0.1", port, user: "app", admin } };
      return {
        kind: "RotationPolicy",
        metadata: { name: kind, namespace: "default" },
        spec: { secret, generate: { password: {} }, target },
      };
    });
    const vault = { address: vaultAddress, auth: { token: { fromFile: "token" } } };
    for (const policy of policies) {
      const text = [{ kind: "SecretStore", metadata: { name: "vault" }, spec: { vault } }, policy]
        .map((one) => JSON.stringify({ apiVersion: "helmwarden.dev/v1alpha1", ...one }))
        .join("\n---\n");
      writeFileSync(join(dir, "rotation.yaml"), text);
      const checked = await helmwarden("check", "-c", "rotation.yaml").catch((ended: { stdout: string }) => ended);
      expect(checked.stdout).toContain(`ok    rotation default/${policy.metadata.name}: `);
    }
  } finally {
    await Promise.all([mariadb.stop(), postgres.stop()]);
    folder.remove();
  }
}, 180_000);
