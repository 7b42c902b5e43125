// Where the real programs that tests run against are; scripts/setup.mjs puts them there.
import { existsSync } from "node:fs";
import { type ArtifactName, artifactFile } from "../../scripts/artifacts.mjs";

export function helmBinary(major: 3 | 4): string {
  return present(major === 3 ? "helm3" : "helm4", "helm");
}

export function kubectlBinary(): string {
  return present("helm4", "kubectl");
}

export function clusterBinary(): string {
  return present("cluster", "cluster");
}

export function vaultBinary(): string {
  return present("vault", "vault");
}

export function kwokBinary(): string {
  return present("kwok", "kwok");
}

export function kwokStages(): string {
  return present("kwok", "stages");
}

export function redisBinary(): string {
  return present("redis", "redis");
}

export function ageBinary(): string {
  return present("age", "age");
}

export function postgresBinary(): string {
  return present("postgres", "postgres");
}

export function initdbBinary(): string {
  return present("postgres", "initdb");
}

export function mariadbBinary(): string {
  return present("mariadb", "mariadbd");
}

/** Where the scripts of its system tables and its messages are. */
export function mariadbShare(): string {
  return present("mariadb", "share");
}

export function mariadbPlugins(): string {
  return present("mariadb", "plugins");
}

function present(artifact: ArtifactName, file: string): string {
  const path = artifactFile(artifact, file);
  if (!existsSync(path)) {
    throw new Error(`${file} is not built yet: run \`node scripts/run.mjs setup\`, it puts it to ${path}`);
  }
  return path;
}
