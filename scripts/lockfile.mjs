// `npm run lockfile`: enters the builds for other platforms that a registry did not offer when the lockfile was made.
// `npm ci` refuses a lockfile that does not name every optional dependency, even one for another platform.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { repository } from "./artifacts.mjs";

const path = join(repository, "package-lock.json");

/** The optional dependencies that are wanted and not locked, as [name, version, the package that wants it]. */
export function missingBuilds(lock) {
  const { packages } = lock;
  return Object.entries(packages).flatMap(([at, wanting]) =>
    Object.entries(wanting.optionalDependencies ?? {})
      .filter(([name]) => !packages[`node_modules/${name}`] && !packages[`${at}/node_modules/${name}`])
      .map(([name, version]) => [name, version, wanting]),
  );
}

export function readLockfile() {
  return JSON.parse(readFileSync(path, "utf8"));
}

function complete(lock) {
  for (const [name, version, { dev, engines }] of missingBuilds(lock)) {
    if (!/^\d/.test(version)) throw new Error(`${name}@${version}: not an exact version, lock it by hand`);
    const build = name.split("/").at(-1);
    const os = build.match(/android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|aix|win32/)?.[0];
    const cpu = build.match(/(?<![a-z])(ppc64|riscv64|s390x|loong64|mips64el|arm64|arm|x64|ia32)/)?.[0];
    if (os === undefined || cpu === undefined) throw new Error(`${name}: for which platform? Lock it by hand`);
    const libc = build.includes("musl") ? ["musl"] : os === "linux" && build.includes("gnu") ? ["glibc"] : undefined;
    lock.packages[`node_modules/${name}`] = {
      version,
      cpu: [cpu],
      ...(dev && { dev }),
      ...(libc && { libc }),
      optional: true,
      os: [os],
      ...(engines && { engines }),
    };
  }
  const sorted = Object.entries(lock.packages).sort(([one], [other]) => one.localeCompare(other, "en"));
  return { ...lock, packages: Object.fromEntries(sorted) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const lock = readLockfile();
  const count = missingBuilds(lock).length;
  if (count > 0) writeFileSync(path, `${JSON.stringify(complete(lock), null, 2)}\n`);
  process.stdout.write(`package-lock.json: ${count} builds for other platforms entered\n`);
}
