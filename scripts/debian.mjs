// Programs of Debian packages, unpacked with the libraries they lack here: no root, and nothing changes on the system.
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";

// What packages depend on for their installation, and for a compiler inside PostgreSQL that tests do not use.
const UNUSED = /^(perl|locales|tzdata|libllvm\d+|lib[\w.+-]+-perl)[\w.+-]*_/;

/**
 * Makes `target/<program>` start each program: the one on PATH if it is there (and `own` is not asked for), else that
 * of apt's packages, unpacked into `target`. `packages`: the first brings the libraries it needs, the rest come alone.
 * `programs`: where each lies in them.
 */
export async function unpackDebian({ packages, programs, own = false }, target, runTool) {
  const installed = Object.keys(programs).map((program) => [program, onPath(program)]);
  const isInstalled = installed.every(([, path]) => path !== undefined);
  if (isInstalled && (!own || onPath("apt-get") === undefined)) {
    for (const [program, path] of installed) await writeStarter(join(target, program), `exec "${path}" "$@"`);
    return;
  }
  for (const file of await download(packages, target, runTool)) await runTool("dpkg-deb", ["--extract", file, target]);
  for (const [program, path] of Object.entries(programs)) await writeStarter(join(target, program), unpacked(path));
}

/** The first place of a program on PATH. */
export function onPath(program) {
  const places = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  return places.map((dir) => join(dir, program)).find((path) => existsSync(path));
}

async function download(packages, target, runTool) {
  const lists = join(target, "apt", "lists");
  const archives = join(target, "apt", "archives");
  for (const dir of [lists, archives]) mkdirSync(join(dir, "partial"), { recursive: true });
  const options = [
    `Dir::State::Lists=${lists}`,
    `Dir::Cache=${join(target, "apt")}`,
    `Dir::Cache::Archives=${archives}`,
    "Debug::NoLocking=true",
    "APT::Sandbox::User=",
  ].flatMap((option) => ["-o", option]);
  await runTool("apt-get", [...options, "--quiet", "update"]);
  // What is installed already is not downloaded by `install`, and is wanted here all the same.
  await runTool("apt-get", [...options, "--quiet", "download", ...packages], archives);
  const only = ["--quiet", "--yes", "--download-only", "--no-install-recommends"];
  await runTool("apt-get", [...options, ...only, "install", packages[0]]);
  const files = readdirSync(archives).filter((name) => name.endsWith(".deb") && !UNUSED.test(name));
  return files.map((name) => join(archives, name));
}

function unpacked(path) {
  const libraries = `$(printf '%s:' "$here"/usr/lib/*-linux-gnu "$here"/lib/*-linux-gnu)`;
  return `here=$(dirname "$0")\nlibraries=${libraries}\nLD_LIBRARY_PATH=\${libraries%:} exec "$here/${path}" "$@"`;
}

async function writeStarter(path, script) {
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}
