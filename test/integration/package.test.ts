// The package as npm would publish it: packed, unpacked where nothing else is, and run by each Node that it promises.
import { execFile } from "node:child_process";
import { cpSync, globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { artifactFile, repository } from "../../scripts/artifacts.mjs";
import { VERSION } from "../../src/version.ts";
import { helmBinary } from "../support/binaries.ts";
import { openHelm } from "../support/release.ts";
import { sharedServers } from "../support/servers.ts";

const { kubeconfig, runDir } = sharedServers();
const run = promisify(execFile);
const dir = mkdtempSync(join(runDir, "package-"));
const source = join(dir, "source");
const unpacked = join(dir, "unpacked", "package");
let tarball = "";

beforeAll(async () => {
  const { files } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as { files: string[] };
  for (const name of ["package.json", "README.md", "LICENSE", ...files.filter((file) => file !== "dist")])
    cpSync(join(repository, name), join(source, name), { recursive: true });
  await run(process.execPath, [join(repository, "scripts", "build.mjs"), join(source, "dist")]);
  await run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", dir], { cwd: source });
  tarball = join(
    dir,
    readdirSync(dir).find((file) => file.endsWith(".tgz"))!,
  );
  mkdirSync(join(dir, "unpacked"));
  await run("tar", ["-xzf", tarball, "-C", join(dir, "unpacked")]);
}, 120_000);

test("it is small, and holds the program, the chart and the schema, and nothing of the workshop", async () => {
  expect(statSync(tarball).size).toBeLessThan(2_000_000);
  const folders = new Set(globSync("**/*", { cwd: unpacked }).map((file) => file.split("/")[0]));
  expect(folders).toEqual(new Set(["LICENSE", "README.md", "deploy", "dist", "docs", "package.json"]));
  expect(statSync(join(unpacked, "dist/main.js")).mode & 0o111).toBe(0o111);
  const helm = openHelm({ major: 4, kubeconfig, namespace: "default", dir: join(dir, "helm") });
  expect(await helm(["lint", "--strict", join(unpacked, "deploy/chart")])).toContain("0 chart(s) failed");
  const schema = await run(process.execPath, [join(unpacked, "dist/main.js"), "schema"]);
  expect(schema.stdout).toBe(readFileSync(join(unpacked, "docs/schema.json"), "utf8"));
});

const nodes = [artifactFile("node22", "node"), process.execPath, artifactFile("node26", "node")];

describe.each(nodes)("%s", (node) => {
  test("runs it from the tarball alone, against a real cluster", async () => {
    const config = join(dir, "config.yaml");
    const documents = [
      {
        kind: "SecretStore",
        metadata: { name: "vault" },
        spec: { vault: { address: "http://127.0.0.1:1", auth: { token: { fromEnv: "NONE" } } } },
      },
      {
        kind: "SecretSync",
        metadata: { name: "x", namespace: "default" },
        spec: { data: [{ key: "a", from: { store: "vault", path: "p", key: "K" } }] },
      },
      { kind: "HelmwardenConfig", metadata: { name: "default" }, spec: { audit: { file: join(dir, "audit.jsonl") } } },
    ];
    const text = documents
      .map((one) => JSON.stringify({ apiVersion: "helmwarden.dev/v1alpha1", ...one }))
      .join("\n---\n");
    writeFileSync(config, text);
    const env = { PATH: "/usr/bin:/bin", HOME: dir, KUBECONFIG: kubeconfig, HELM_BIN: helmBinary(4) };
    const main = join(unpacked, "dist/main.js");
    expect((await run(node, [main, "--version"], { env })).stdout.trim()).toBe(VERSION);
    const { stdout } = await run(node, [main, "rbac", "-c", config], { env });
    expect(stdout).toContain('"resourceNames": [ "x" ]');
  });
});

test("npx runs it from the tarball", async () => {
  const env = { ...process.env, npm_config_cache: join(dir, "npm-cache"), npm_config_prefer_offline: "true" };
  const args = ["exec", "--yes", `--package=${tarball}`, "--", "helmwarden", "--version"];
  const { stdout } = await run("npm", args, { cwd: dir, env });
  expect(stdout.trim()).toBe(VERSION);
}, 180_000);
