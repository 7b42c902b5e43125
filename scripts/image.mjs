// All that goes into the image, so that the Dockerfile only copies: `node scripts/image.mjs [--arch amd64|arm64] [FOLDER]`, build/image if not told.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { rootCertificates } from "node:tls";
import { parseArgs } from "node:util";
import { fileFromTgz } from "./archives.mjs";
import { artifactFile, platform, repository } from "./artifacts.mjs";

// https://github.com/helm/helm/releases/tag/v4.1.4 lists the digests of the archives; the binary is the one that all tests ran with.
const helm = {
  version: "4.1.4",
  binaries: { amd64: "210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9" },
  archives: {
    amd64: "70b2c30a19da4db264dfd68c8a3664e05093a361cefd89572ffb36f8abfa3d09",
    arm64: "13d03672be289045d2ff00e4e345d61de1c6f21c1257a45955a30e8ae036d8f1",
  },
};
const nodeArch = { x64: "amd64", arm64: "arm64" }[process.arch];

const { values, positionals } = parseArgs({
  options: { arch: { type: "string", default: nodeArch }, "helm-archive": { type: "string" } },
  allowPositionals: true,
});
const { arch } = values;
if (!Object.hasOwn(helm.archives, arch)) throw new Error(`no helm is pinned for ${arch}`);
const folder = resolve(positionals[0] ?? join(repository, "build", "image"));
const root = join(folder, arch);
const helmProgram = await helmBinary();
rmSync(root, { recursive: true, force: true });

const program = join(root, "opt", "helmwarden");
run(process.execPath, [join(repository, "scripts", "build.mjs"), program]);
for (const name of ["LICENSE", "docs/schema.json"]) put(join(program, name), readFileSync(join(repository, name)));
put(join(root, "usr", "local", "bin", "helm"), helmProgram, 0o755);
symlinkSync("/opt/helmwarden/main.js", join(root, "usr", "local", "bin", "helmwarden"));
// The base image has none, and Node brings its own: helm would trust no server. This is where Go looks first.
put(join(root, "etc", "ssl", "certs", "ca-certificates.crt"), `${rootCertificates.join("\n")}\n`);
for (const name of ["var/lib/helmwarden", "etc/helmwarden"]) mkdirSync(join(root, name), { recursive: true });
put(join(folder, "sbom.cdx.json"), billOfMaterials());
process.stdout.write(`${root}: the program, helm ${helm.version}, and its bill of materials beside it\n`);

/** The tested binary where it is in the cache, else what the release page's digest vouches for. */
async function helmBinary() {
  const cached = artifactFile("helm4", "helm");
  if (values["helm-archive"] === undefined && helm.binaries[arch] && platform === "linux-x64" && existsSync(cached)) {
    return pinned(readFileSync(cached), helm.binaries[arch], "helm in the cache");
  }
  const url = `https://get.helm.sh/helm-v${helm.version}-linux-${arch}.tar.gz`;
  const archive = values["helm-archive"] === undefined ? await download(url) : readFileSync(values["helm-archive"]);
  return fileFromTgz(pinned(archive, helm.archives[arch], url), `linux-${arch}/helm`);
}

async function download(url) {
  const answer = await fetch(url, { signal: AbortSignal.timeout(120_000) }).catch(() => undefined);
  if (answer?.ok) return Buffer.from(await answer.arrayBuffer());
  throw new Error(`${url} cannot be fetched: give the file with --helm-archive`);
}

function pinned(bytes, digest, what) {
  const found = createHash("sha256").update(bytes).digest("hex");
  if (found !== digest) throw new Error(`${what} is not the pinned one: expected sha256 ${digest}, got ${found}`);
  return bytes;
}

/** CycloneDX, of the libraries that the program's files hold, and of helm. */
function billOfMaterials() {
  const bom = JSON.parse(
    run("npm", ["sbom", "--sbom-format", "cyclonedx", "--sbom-type", "application"], { cwd: repository }),
  );
  const bundled = JSON.parse(readFileSync(join(program, "bundled.json"), "utf8"));
  const contained = new Set(bundled.map(({ name, version }) => `${name}@${version}`));
  const isContained = ({ name, version }) => contained.has(`${name}@${version}`);
  const known = new Set(bom.components.filter(isContained).map(({ name, version }) => `${name}@${version}`));
  const unknown = [...contained].filter((one) => !known.has(one));
  if (unknown.length > 0) throw new Error(`npm does not know ${unknown.join(", ")}, which the program holds`);
  const tools = new Set(bom.components.filter((one) => !isContained(one)).map((component) => component["bom-ref"]));
  const purl = `pkg:golang/helm.sh/helm/v4@v${helm.version}`;
  const licenses = [{ license: { id: "Apache-2.0" } }];
  const components = bom.components.filter((component) => !tools.has(component["bom-ref"]));
  const dependencies = bom.dependencies
    .filter(({ ref }) => !tools.has(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((other) => !tools.has(other)) }));
  const ofHelm = { "bom-ref": purl, type: "application", name: "helm", version: helm.version, purl, licenses };
  return `${JSON.stringify({ ...bom, components: [...components, ofHelm], dependencies }, undefined, 2)}\n`;
}

function put(file, content, mode = 0o644) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  chmodSync(file, mode);
}

function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
    ...options,
  });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed: ${error?.message ?? stderr}`);
  return stdout;
}
