// The package as `npm pack` makes it of a fresh checkout: packed, unpacked where nothing else is, and run by each Node that it promises.
import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { isBuiltin } from "node:module";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
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
  const { stdout } = await run("git", ["-C", repository, "ls-files", "--cached", "--others", "--exclude-standard"]);
  for (const name of stdout.split("\n").filter((file) => file !== "" && existsSync(join(repository, file))))
    cpSync(join(repository, name), join(source, name), { recursive: true });
  symlinkSync(join(repository, "node_modules"), join(source, "node_modules"));
  await run("npm", ["pack", "--silent", "--pack-destination", dir], { cwd: source });
  // What is looked for in the leftovers of the run stands in these tests.
  rmSync(source, { recursive: true });
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

test("it installs nothing but itself, and says what it holds", () => {
  const manifest = JSON.parse(readFileSync(join(unpacked, "package.json"), "utf8")) as Record<string, unknown>;
  for (const kind of ["dependencies", "peerDependencies", "optionalDependencies"])
    expect(manifest).not.toHaveProperty([kind]);
  const program = globSync("dist/*.js", { cwd: unpacked }).map((file) => readFileSync(join(unpacked, file), "utf8"));
  const asked = program.flatMap((text) => [...text.matchAll(/\b(?:require|import)\("([^"./]+(?:\/[^"]+)?)"\)/g)]);
  const foreign = new Set(asked.map(([, name = ""]) => name).filter((name) => !isBuiltin(name)));
  // Asked for by libraries that do without where they are not there.
  const optional = ["@aws-sdk/signature-v4-crt", "@valkey/valkey-glide", "bufferutil", "cardinal", "pg-native"];
  expect([...foreign].filter((name) => ![...optional, "supports-color", "utf-8-validate"].includes(name))).toEqual([]);
  const bundled = JSON.parse(readFileSync(join(unpacked, "dist/bundled.json"), "utf8")) as { license?: string }[];
  expect(bundled.length).toBeGreaterThan(50);
  expect(
    bundled.filter(({ license = "" }) => !/\b(MIT|Apache-2\.0|BSD|ISC|0BSD|BlueOak|Unlicense)/.test(license)),
  ).toEqual([]);
});

const sync = (data: unknown) => ({
  apiVersion: "helmwarden.dev/v1alpha1",
  kind: "SecretSync",
  metadata: { name: "x", namespace: "y" },
  spec: { data },
});

test("its types take every example of ours, and refuse what the program would", async () => {
  const project = join(dir, "typed");
  mkdirSync(join(project, "node_modules"), { recursive: true });
  cpSync(unpacked, join(project, "node_modules/helmwarden"), { recursive: true });
  const documents = globSync("examples/*/*.yaml", { cwd: repository })
    .flatMap((file) => parseAllDocuments(readFileSync(join(repository, file), "utf8")))
    .map((document) => document.toJS() as { apiVersion?: string } | null)
    .filter((document) => document?.apiVersion?.startsWith("helmwarden.dev/"));
  expect(documents.length).toBeGreaterThan(10);
  const compile = async (name: string, list: readonly unknown[]): Promise<string> => {
    const text = `import type { ConfigDocument } from "helmwarden";\nimport schema from "helmwarden/schema.json" with { type: "json" };
export const all = ${JSON.stringify(list)} satisfies readonly ConfigDocument[];\nexport const { title } = schema;\n`;
    writeFileSync(join(project, name), text);
    const flags = [
      "--strict",
      "--noEmit",
      "--exactOptionalPropertyTypes",
      "--module",
      "nodenext",
      "--target",
      "es2024",
    ];
    const args = [join(repository, "node_modules/typescript/bin/tsc"), ...flags, "--resolveJsonModule", name];
    return await run(process.execPath, args, { cwd: project }).then(
      ({ stdout }) => stdout,
      (failed: { stdout: string }) => failed.stdout,
    );
  };
  expect(await compile("right.mts", documents)).toBe("");
  const secret = { from: { store: "vault", path: "p", key: "K" } };
  expect(await compile("plain.mts", [sync([{ key: "a", ...secret }])])).toBe("");
  for (const wrong of [sync([{ keys: "a", ...secret }]), sync("a"), { ...sync([]), kind: "SecretSink" }])
    expect(await compile("wrong.mts", [wrong])).toContain("error TS");
}, 180_000);

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
  const installed = globSync("npm-cache/_npx/*/node_modules/*", { cwd: dir }).map((path) => basename(path));
  expect(installed).toEqual(["helmwarden"]);
}, 180_000);
