// A program of a Debian package, unpacked with the libraries it lacks here: no root, and nothing changes on the system.
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";

/** Makes `target/<program>` start the program: the one on PATH if there is one, else apt's, unpacked into `target`. */
export async function unpackDebian(program, target, runTool) {
  const installed = (process.env.PATH ?? "").split(delimiter).find((dir) => dir && existsSync(join(dir, program)));
  if (installed !== undefined) return writeStarter(join(target, program), `exec "${join(installed, program)}" "$@"`);
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
  await runTool("apt-get", [
    ...options,
    "--quiet",
    "--yes",
    "--download-only",
    "--no-install-recommends",
    "install",
    program,
  ]);
  for (const file of readdirSync(archives).filter((name) => name.endsWith(".deb"))) {
    await runTool("dpkg-deb", ["--extract", join(archives, file), target]);
  }
  await writeStarter(
    join(target, program),
    `here=$(dirname "$0")\nLD_LIBRARY_PATH=$(echo "$here"/usr/lib/*-linux-gnu) exec "$here/usr/bin/${program}" "$@"`,
  );
}

async function writeStarter(path, script) {
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}
