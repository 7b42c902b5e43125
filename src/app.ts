import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import { checkAuditFile, openAuditFile } from "./audit/auditFile.ts";
import { systemClock } from "./clock.ts";
import type { DigestKey } from "./core/digest.ts";
import type { Config, SecretStore } from "./core/spec.ts";
import { createReadCredential, type ReadCredential } from "./credentials.ts";
import { digestKeyBeside, digestKeyOf, keyOfThisRun, presentDigestKey } from "./digestKey.ts";
import { HelmwardenError } from "./errors.ts";
import { helmEnvironment, makeHelmFolders } from "./helm/environment.ts";
import { createHelm } from "./helm/helm.ts";
import { createReleases } from "./helm/storage.ts";
import { type ClusterOptions, createCluster } from "./kube/cluster.ts";
import { openStore } from "./openStores.ts";
import { withRestartBudget } from "./operations/restartBudget.ts";
import type { ReleasePorts } from "./operations/releasePorts.ts";
import type {
  AuditLog,
  CheckLine,
  Clock,
  Cluster,
  Helm,
  Log,
  MigrationFiles,
  Queue,
  ReadHistory,
  Store,
} from "./ports.ts";

/** What the process was started with. main.ts reads it, so that nothing else does. */
export interface Surroundings {
  /** Told 1 when a helm process starts and -1 when it ends. */
  readonly onHelm?: (change: 1 | -1) => void;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where helmwarden's own objects live in the cluster: POD_NAMESPACE, or "helmwarden". */
  readonly namespace: string;
  /** Where pulled charts and helm's own files are kept between runs. */
  readonly cacheFolder: string;
}

/** The program put together: the only place that knows every adapter. */
export interface App {
  readonly config: Config;
  /** Names what is done with it in labels, audit records and log lines. */
  readonly run: string;
  /** Where helmwarden's own objects live. */
  readonly namespace: string;
  /** The stores of these names, each connected once. */
  readonly stores: (names: Iterable<string>) => Promise<ReadonlyMap<string, Store>>;
  readonly cluster: (name: string) => Promise<Cluster>;
  readonly helm: (cluster: string) => Promise<Helm>;
  readonly checkAudit: () => CheckLine;
  /** Is the digest key one of this run only, as none has been made yet? */
  readonly keyless: () => Promise<boolean>;
  readonly credential: ReadCredential;
  /** The queue that the configuration names; made at each call, so call it once. */
  readonly openQueue: () => Promise<Queue>;
  /** Everything that a pass over one cluster needs. */
  readonly portsOf: (cluster: string) => Promise<ReleasePorts>;
  readonly close: () => Promise<void>;
}

/** What a migration keeps on this machine; its library is loaded with it. */
export async function openMigrationFiles(): Promise<MigrationFiles> {
  const { createMigrationFiles } = await import("./migration/migrationFiles.ts");
  return createMigrationFiles();
}

/** All revisions that Helm's storage keeps of a release. */
export async function openHistory({ listSecrets }: Cluster): Promise<ReadHistory> {
  const { createReadHistory } = await import("./helm/history.ts");
  return createReadHistory(listSecrets);
}

/** `mode` "plan" has no audit log, as it writes nothing. */
export function createApp(
  config: Config,
  mode: "plan" | "sync" | "run",
  surroundings: Surroundings,
  log: Log,
  signal: AbortSignal,
): App {
  const run = randomBytes(4).toString("hex");
  const holder = `${hostname()}-${process.pid}-${run}`;
  const deps = { clock: systemClock, log: log.child({ run }) };
  const closing: (() => Promise<void>)[] = [];
  const closable = <T extends { close(): Promise<void> }>(made: T): T => {
    closing.push(() => made.close());
    return made;
  };
  const { environment } = surroundings;
  const kubeconfig = environment["KUBECONFIG"] ?? defaultKubeconfig(environment);
  const cluster = once(async (name) =>
    closable(await createCluster(name, { holder, ...clusterOptions(environment, kubeconfig) }, deps)),
  );
  const helm = once((name) => openHelm(name, surroundings, kubeconfig));
  const credential = createReadCredential(environment, async () => (await cluster("default")).secrets, signal);
  const store = once(async (name) => closable(await openStore(storeSpec(config, name), credential, deps)));
  const record = once(async () => {
    const appender = { host: hostname(), pid: process.pid };
    const audit =
      mode !== "plan" ? closable(openAuditFile(config.program.auditFile, systemClock, appender)) : refusingAudit;
    return { audit, ...(await openDigestKey(config, mode, credential)) };
  });
  const { atOnce } = config.program.restarts;
  const portsOf = once(async (name): Promise<ReleasePorts> => {
    const [at, binary, recorded] = await Promise.all([cluster(name), helm(name), record("")]);
    const platform = once(async () => `${await binary.version(signal)} ${await at.access.serverVersion(signal)}`);
    return {
      ...recorded,
      ...deps,
      cluster: mode === "run" ? { ...at, workloads: withRestartBudget(at.workloads, atOnce, systemClock, signal) } : at,
      helm: binary,
      run,
      asked: mode !== "run",
      releases: createReleases(at.listSecrets, at.getSecret, at.patchStored),
      platform: () => platform(""),
      random: randomBytes,
      ...(await proofOf({ config, stores, credential, portsOf: (other) => portsOf(other) })),
    };
  });
  const stores = async (names: Iterable<string>): Promise<ReadonlyMap<string, Store>> =>
    new Map(await Promise.all([...new Set(names)].map(async (name) => [name, await store(name)] as const)));
  const close = async (): Promise<void> => {
    for (const end of closing.toReversed()) await end().catch(() => undefined);
  };
  const checkAudit = (): CheckLine => checkAuditFile(config.program.auditFile);
  const keyless = async (): Promise<boolean> => (await record("")).keyless;
  const openQueue = async (): Promise<Queue> => await queueOf(config, credential, deps);
  const { namespace } = surroundings;
  return { config, run, namespace, stores, cluster, helm, checkAudit, keyless, credential, openQueue, portsOf, close };
}

/** Nothing of rotation is loaded where no document asks for it. */
async function proofOf(
  app: Pick<App, "config" | "stores" | "credential" | "portsOf">,
): Promise<Pick<ReleasePorts, "provenAtTarget">> {
  if (app.config.rotations.length === 0) return {};
  const { createProof } = await import("./proveAtTarget.ts");
  const provenAtTarget = createProof(app);
  return provenAtTarget === undefined ? {} : { provenAtTarget };
}

/** The first call for a name makes it; a failure is not kept. */
function once<T>(make: (name: string) => Promise<T>): (name: string) => Promise<T> {
  const made = new Map<string, Promise<T>>();
  return (name) => {
    const known = made.get(name);
    if (known !== undefined) return known;
    const making = make(name);
    made.set(name, making);
    making.catch(() => made.delete(name));
    return making;
  };
}

async function openHelm(
  context: string,
  { environment, cacheFolder, onHelm }: Surroundings,
  kubeconfig: string | undefined,
): Promise<Helm> {
  const folders = await makeHelmFolders(join(cacheFolder, "helm"));
  return createHelm({
    binary: environment["HELM_BIN"] ?? "helm",
    environment: helmEnvironment(environment, folders, kubeconfig),
    folders,
    target: { context: context === "default" ? undefined : context },
    onRunning: onHelm,
  });
}

async function queueOf({ program }: Config, read: ReadCredential, deps: { clock: Clock; log: Log }): Promise<Queue> {
  const { queue } = program;
  if (queue.kind === "local") {
    const { createLocalQueue } = await import("./queue/localQueue.ts");
    return createLocalQueue(queue, deps);
  }
  const { createRedisQueue } = await import("./queue/redisQueue.ts");
  const { concurrency } = queue;
  return await createRedisQueue({ url: await read(queue.url)(), concurrency, prefix: "helmwarden" }, deps);
}

function storeSpec(config: Config, name: string): SecretStore {
  const spec = config.stores.get(name);
  if (spec !== undefined) return spec;
  throw new HelmwardenError("ConfigInvalid", `There is no SecretStore named ${name}.`);
}

async function openDigestKey(
  { program }: Config,
  mode: "plan" | "sync" | "run",
  read: ReadCredential,
): Promise<{ readonly digestKey: DigestKey; readonly keyless: boolean }> {
  const { digestKey: named, auditFile } = program;
  if (named !== undefined) return { digestKey: digestKeyOf((await read(named)()).revealBytes()), keyless: false };
  if (mode !== "plan") return { digestKey: await digestKeyBeside(auditFile), keyless: false };
  const present = await presentDigestKey(auditFile);
  return { digestKey: present ?? keyOfThisRun(), keyless: present === undefined };
}

function clusterOptions(
  environment: Surroundings["environment"],
  kubeconfig: string | undefined,
): Omit<ClusterOptions, "holder"> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
  return {
    fieldManager: "helmwarden",
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(host === undefined || port === undefined ? {} : { inCluster: { host, port } }),
  };
}

/** In a pod the service account is used; elsewhere kubectl's own default place. */
function defaultKubeconfig({ HOME, KUBERNETES_SERVICE_HOST }: Surroundings["environment"]): string | undefined {
  return HOME === undefined || KUBERNETES_SERVICE_HOST !== undefined ? undefined : join(HOME, ".kube", "config");
}

const refusingAudit: AuditLog = {
  append: () => Promise.reject(new HelmwardenError("Internal", "A plan tried to change something: report this bug.")),
  close: () => Promise.resolve(),
};
