// The control plane and the Vault that all tests of a run share, and how a test learns where they are.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startControlPlane } from "./controlPlane.ts";
import { startVault } from "./vaultServer.ts";

export interface SharedServers {
  /** Path of a cluster admin's kubeconfig. */
  readonly kubeconfig: string;
  /** The API server's own audit log: who reads Secrets, by name, an event of audit.k8s.io/v1 a line. */
  readonly auditLog: string;
  readonly vaultAddress: string;
  readonly vaultToken: string;
  /** Everything that a test or a program under test writes goes somewhere below it: it is searched for secrets at the end. */
  readonly runDir: string;
}

const variables = {
  kubeconfig: "HELMWARDEN_TEST_KUBECONFIG",
  auditLog: "HELMWARDEN_TEST_AUDIT_LOG",
  vaultAddress: "HELMWARDEN_TEST_VAULT_ADDR",
  vaultToken: "HELMWARDEN_TEST_VAULT_TOKEN",
  runDir: "HELMWARDEN_TEST_RUN_DIR",
} as const;

/** Metadata only: an audit log that holds bodies of Secrets would be a leak of its own. */
const AUDIT_POLICY = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [
    { level: "Metadata", verbs: ["get", "list", "watch"], resources: [{ group: "", resources: ["secrets"] }] },
    { level: "None" },
  ],
};

/** The servers of this run. */
export function sharedServers(): SharedServers {
  return {
    kubeconfig: read(variables.kubeconfig),
    auditLog: read(variables.auditLog),
    vaultAddress: read(variables.vaultAddress),
    vaultToken: read(variables.vaultToken),
    runDir: read(variables.runDir),
  };
}

/** True if somebody has started them for this process already. */
export function hasSharedServers(): boolean {
  return process.env[variables.kubeconfig] !== undefined;
}

/** Starts them below `dir` and sets the variables in this process, for its children to inherit. */
export async function startSharedServers(dir: string, signal?: AbortSignal): Promise<{ stop(): Promise<void> }> {
  const options = signal === undefined ? {} : { signal };
  const runDir = join(dir, "run");
  mkdirSync(runDir, { recursive: true });
  process.env[variables.runDir] = runDir;
  const [auditPolicy, auditLog] = [join(dir, "audit-policy.json"), join(dir, "audit.log")];
  writeFileSync(auditPolicy, JSON.stringify(AUDIT_POLICY));
  const apiServerFlags = [`--audit-policy-file=${auditPolicy}`, `--audit-log-path=${auditLog}`];
  const [cluster, vault] = await Promise.allSettled([
    startControlPlane({ dir: join(dir, "cluster"), apiServerFlags, ...options }),
    startVault({ dir: join(dir, "vault"), ...options }),
  ]);
  const stop = async (): Promise<void> => {
    await Promise.all(
      [cluster, vault].map(async (started) => (started.status === "fulfilled" ? started.value.stop() : undefined)),
    );
  };
  if (cluster.status === "rejected" || vault.status === "rejected") {
    await stop();
    throw cluster.status === "rejected" ? cluster.reason : (vault as PromiseRejectedResult).reason;
  }
  process.env[variables.kubeconfig] = cluster.value.kubeconfig;
  process.env[variables.auditLog] = auditLog;
  process.env[variables.vaultAddress] = vault.value.address;
  process.env[variables.vaultToken] = vault.value.rootToken;
  return { stop };
}

function read(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: this test belongs to the vitest project "real"`);
  return value;
}
