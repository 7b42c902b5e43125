import { execFile, execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { rootCertificates } from "node:tls";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { repository } from "../../../scripts/artifacts.mjs";
import { VERSION } from "../../../src/version.ts";
import { startRegistry } from "../../support/chartServers.ts";
import { chartFixture, openHelm } from "../../support/release.ts";
import { sharedServers } from "../../support/servers.ts";

const folder = mkdtempSync(join("/var/tmp", "helmwarden-image-"));
const root = join(folder, "amd64");
const script = join(repository, "scripts/image.mjs");
const dockerfile = readFileSync(join(repository, "Dockerfile"), "utf8");

beforeAll(async () => {
  await promisify(execFile)(process.execPath, [script, "--arch", "amd64", folder]);
  mkdirSync(join(folder, "config"));
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

const main = join(root, "opt/helmwarden/main.js");
const PATH = `${join(root, "usr/local/bin")}:${dirname(process.execPath)}`;

test("it starts from the produced folder, with nothing but PATH in its environment", () => {
  expect(
    execFileSync("env", ["-i", `PATH=${PATH}`, "node", main, "--version"])
      .toString()
      .trim(),
  ).toBe(VERSION);
  expect(readlinkSync(join(root, "usr/local/bin/helmwarden"))).toBe("/opt/helmwarden/main.js");
  expect(lstatSync(main).mode & 0o111).toBe(0o111);
});

const node = join(folder, "node");
const writable = join(folder, "writable");
const mayMount = spawnSync("unshare", ["--mount", "mount", "-o", "remount,ro,bind", "/"]).status === 0;

test.skipIf(!mayMount)(
  "it looks at a real cluster as another user, with a read-only root and one folder to write to",
  () => {
    const { kubeconfig, vaultAddress, vaultToken } = sharedServers();
    // Where this user may read it.
    cpSync(process.execPath, node);
    mkdirSync(writable);
    cpSync(kubeconfig, join(folder, "kubeconfig"));
    writeFileSync(join(folder, "token"), vaultToken);
    const documents = [
      {
        kind: "SecretStore",
        metadata: { name: "vault" },
        spec: { vault: { address: vaultAddress, auth: { token: { fromFile: join(folder, "token") } } } },
      },
      {
        kind: "HelmwardenConfig",
        metadata: { name: "default" },
        spec: { audit: { file: join(writable, "audit.jsonl") } },
      },
      {
        kind: "SecretSync",
        metadata: { name: "never", namespace: "default" },
        spec: { data: [{ key: "a", from: { store: "vault", path: "none", key: "A" } }] },
      },
    ];
    const text = documents
      .map((one) => JSON.stringify({ apiVersion: "helmwarden.dev/v1alpha1", ...one }))
      .join("\n---\n");
    writeFileSync(join(folder, "config/config.yaml"), text);
    execFileSync("chmod", ["-R", "a+rX", folder]);
    const inside = `
    mount -o remount,ro,bind / && mount -t tmpfs -o mode=1777 tmpfs "$4" || exit 99
    if touch ${folder}/written 2>/dev/null; then exit 98; fi
    exec setpriv --reuid=65532 --regid=65532 --clear-groups --no-new-privs --bounding-set=-all \\
      env -i PATH="$1" KUBECONFIG="$2" HELMWARDEN_CACHE_DIR="$4" TMPDIR="$4" "$3" ${main} check -c ${folder}/config`;
    const args = ["--mount", "sh", "-c", inside, "sh", PATH, join(folder, "kubeconfig"), node, writable];
    const { status, stdout, stderr } = spawnSync("unshare", args, { encoding: "utf8", timeout: 60_000 });
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: expect.stringContaining("ok    helm: 4.1.4"),
      stderr: "",
    });
  },
);

const authorities = "etc/ssl/certs/ca-certificates.crt";

test("it holds the authorities that Node trusts, where helm looks", () => {
  const held = readFileSync(join(root, authorities), "utf8").match(/-----BEGIN CERTIFICATE-----/g);
  expect(readFileSync(join(root, authorities), "utf8")).toBe(`${rootCertificates.join("\n")}\n`);
  expect(held?.length).toBeGreaterThan(100);
});

const mayChroot = spawnSync("chroot", ["/", "true"]).status === 0;

test.skipIf(!mayChroot)(
  "helm, with the image's files alone, trusts the authorities of the image and the company's that the chart adds",
  async () => {
    const [jail, charts] = [join(folder, "jail"), join(folder, "charts")];
    cpSync(root, jail, { recursive: true, verbatimSymlinks: true });
    for (const name of ["tmp", "etc/helmwarden/ca"]) mkdirSync(join(jail, name));
    const { kubeconfig } = sharedServers();
    const helm = openHelm({ major: 4, kubeconfig, namespace: "default", dir: join(folder, "helm") });
    await helm(["package", chartFixture("web"), "--destination", charts]);
    const registry = await startRegistry(folder, 4);
    try {
      const caFile = registry.caFile ?? "";
      await helm(["push", join(charts, readdirSync(charts)[0] ?? ""), registry.url, "--ca-file", caFile]);
      const pull = async (env: Record<string, string>): Promise<unknown> => {
        const args = [
          jail,
          "/usr/local/bin/helm",
          "pull",
          `${registry.url}/web`,
          "--version=1.0.0",
          "--destination=/tmp",
        ];
        return await promisify(execFile)("chroot", args, { env: { PATH: process.env["PATH"], HOME: "/tmp", ...env } });
      };
      const template = readFileSync(join(repository, "deploy/chart/templates/deployment.yaml"), "utf8");
      const byChart = { SSL_CERT_DIR: /SSL_CERT_DIR, value: "(.+)"/.exec(template)?.[1] ?? "" };
      const unknown = /x509: certificate signed by unknown authority/;
      await expect(pull(byChart)).rejects.toThrow(unknown);

      const company = join(jail, "etc/helmwarden/ca/ca.crt");
      cpSync(caFile, company);
      await expect(pull({})).rejects.toThrow(unknown);
      await pull(byChart);

      rmSync(company);
      writeFileSync(join(jail, authorities), readFileSync(caFile), { flag: "a" });
      await pull({});
      await pull(byChart);
      writeFileSync(join(jail, authorities), "");
      await expect(pull({})).rejects.toThrow(unknown);
    } finally {
      await registry.close();
    }
  },
  60_000,
);

test("helm is the pinned one, or there is no image", () => {
  const wrong = join(folder, "wrong.tar.gz");
  writeFileSync(wrong, "not helm");
  const { status, stderr } = spawnSync(
    process.execPath,
    [script, "--arch", "arm64", "--helm-archive", wrong, join(folder, "other")],
    { encoding: "utf8" },
  );
  expect(status).not.toBe(0);
  expect(stderr).toMatch(/helm-v4\.1\.4-linux-arm64\.tar\.gz is not the pinned one: expected sha256 13d03672/);
}, 60_000);

test("the bill of materials names just what the program holds, and helm", () => {
  const bom = JSON.parse(readFileSync(join(folder, "sbom.cdx.json"), "utf8")) as {
    bomFormat: string;
    components: { name: string; version: string }[];
  };
  expect(bom.bomFormat).toBe("CycloneDX");
  const bundled = JSON.parse(readFileSync(join(root, "opt/helmwarden/bundled.json"), "utf8")) as typeof bom.components;
  const nameOf = ({ name, version }: (typeof bundled)[number]): string => `${name}@${version}`;
  expect(new Set(bom.components.map(nameOf))).toEqual(new Set([...bundled.map(nameOf), "helm@4.1.4"]));
  const names = bundled.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["@kubernetes/client-node", "bullmq", "pg", "zod"]));
  for (const tool of ["vitest", "esbuild", "typescript"]) expect(names).not.toContain(tool);
});

test("the Dockerfile only copies what the script makes, runs as nobody, and needs no shell", () => {
  const lines = dockerfile
    .replaceAll("\\\n", " ")
    .split("\n")
    .filter((line) => /^[A-Z]/.test(line));
  expect(lines.filter((line) => /^(RUN|ADD|SHELL)\b/.test(line))).toEqual([]);
  const copied = lines.filter((line) => /^COPY (?!--from)/.test(line)).map((line) => line.split(" ")[1]);
  expect(copied).toEqual(["build/image/${TARGETARCH}/", "build/image/sbom.cdx.json"]);
  expect(lines).toContain("USER 65532:65532");
  for (const word of ["HEALTHCHECK", "ENTRYPOINT", "CMD"]) {
    const found = lines.filter((line) => line.startsWith(word));
    expect(found.map((line) => /\[".*"\]$/.test(line))).toEqual(found.map(() => true));
  }
  expect(dockerfile).not.toContain(":latest");
});
