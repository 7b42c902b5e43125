import type { JsonObject } from "./json.ts";
import { mapAt, mapsAt, podTemplateOf, textAt } from "./objects.ts";
import type { Sealed } from "./secretValue.ts";

/**
 * How a pod takes a key of a Secret or ConfigMap. `env`, `envFrom` and `subPath` are read once, at start; a volume is
 * brought up to date by the kubelet, and an image pull secret is read at each pull.
 */
export type ReadBy = "env" | "envFrom" | "volume" | "subPath" | "imagePull";

export type SourceKind = "Secret" | "ConfigMap";

/** One key of one Secret or ConfigMap in the pod's namespace. */
export interface DataKey {
  readonly kind: SourceKind;
  readonly name: string;
  readonly key: string;
}

/** Who reads a key, as the X-ray draws it. */
export interface Reader {
  /** `Kind/name`. */
  readonly workload: string;
  readonly by: readonly ReadBy[];
  /** The pod template itself changes with the value (a checksum annotation, say), so the upgrade rolls it. */
  readonly rolledByChart: boolean;
  /** A volume outlives the pod and looks like a database's: it may remember the old value. */
  readonly remembers: boolean;
}

/** A workload as the cluster has it. */
export interface LiveWorkload {
  readonly ref: { readonly kind: string; readonly name: string };
  readonly podTemplate: Sealed<JsonObject>;
  /** See Reader. */
  readonly remembers: boolean;
}

/** Who of them reads a key. */
export function readersOf(
  workloads: readonly LiveWorkload[],
  source: DataKey,
): Pick<Reader, "workload" | "by" | "remembers">[] {
  return workloads.flatMap(({ ref: { kind, name }, podTemplate, remembers }) => {
    const by = readsOf(podTemplate.open(), source);
    return by.length === 0 ? [] : [{ workload: `${kind}/${name}`, by, remembers }];
  });
}

export function isReadAtStart(by: ReadBy): boolean {
  return by === "env" || by === "envFrom" || by === "subPath";
}

/** The ways in which a pod template reads a key; empty: it does not. */
export function readsOf(podTemplate: JsonObject, source: DataKey): ReadBy[] {
  const spec = mapAt(podTemplate, "spec") ?? {};
  const containers = [...mapsAt(spec, "initContainers"), ...mapsAt(spec, "containers")];
  const reads = new Set<ReadBy>();
  for (const container of containers) {
    if (mapsAt(container, "env").some((entry) => readsByEnv(entry, source))) reads.add("env");
    if (mapsAt(container, "envFrom").some((entry) => readsByEnvFrom(entry, source))) reads.add("envFrom");
  }
  for (const volume of mapsAt(spec, "volumes").filter((candidate) => mountsKey(candidate, source))) {
    const mounts = containers.flatMap((container) => mapsAt(container, "volumeMounts"));
    const own = mounts.filter((mount) => textAt(mount, "name") === textAt(volume, "name"));
    if (!own.every(mountsSubPath)) reads.add("volume");
    if (own.some(mountsSubPath)) reads.add("subPath");
  }
  if (
    source.kind === "Secret" &&
    mapsAt(spec, "imagePullSecrets").some((entry) => textAt(entry, "name") === source.name)
  ) {
    reads.add("imagePull");
  }
  return [...reads];
}

function readsByEnv(entry: JsonObject, source: DataKey): boolean {
  const from = mapAt(mapAt(entry, "valueFrom"), source.kind === "Secret" ? "secretKeyRef" : "configMapKeyRef");
  return textAt(from, "name") === source.name && textAt(from, "key") === source.key;
}

function readsByEnvFrom(entry: JsonObject, source: DataKey): boolean {
  return textAt(mapAt(entry, source.kind === "Secret" ? "secretRef" : "configMapRef"), "name") === source.name;
}

function mountsKey(volume: JsonObject, source: DataKey): boolean {
  const projected = mapsAt(mapAt(volume, "projected"), "sources");
  const direct = source.kind === "Secret" ? mapAt(volume, "secret") : mapAt(volume, "configMap");
  const nested = projected.map((part) => mapAt(part, source.kind === "Secret" ? "secret" : "configMap"));
  return [direct, ...nested].some((mounted) => {
    if (mounted === undefined || (textAt(mounted, "secretName") ?? textAt(mounted, "name")) !== source.name)
      return false;
    const items = mapsAt(mounted, "items");
    return items.length === 0 || items.some((item) => textAt(item, "key") === source.key);
  });
}

function mountsSubPath(mount: JsonObject): boolean {
  return (textAt(mount, "subPath") ?? textAt(mount, "subPathExpr") ?? "") !== "";
}

const DATABASE =
  /(^|[/_-])(postgres|postgresql|postgis|mysql|mariadb|mssql|percona|mongo|mongodb|redis|valkey|keydb|couchdb|cassandra|scylla|elasticsearch|opensearch|influxdb|clickhouse|neo4j|rabbitmq|minio|etcd|cockroach|timescaledb|pgvector)([:@/_-]|db|$)/i;

/**
 * Could this workload's volume remember the value? A StatefulSet with a volume claim could, whatever it runs; anything
 * else with a claim could if its image is a database's.
 */
export function remembersValues(workload: JsonObject): boolean {
  const spec = mapAt(podTemplateOf(workload), "spec") ?? {};
  const claims = mapsAt(mapAt(workload, "spec"), "volumeClaimTemplates").length > 0;
  const mounted = mapsAt(spec, "volumes").some((volume) => mapAt(volume, "persistentVolumeClaim") !== undefined);
  if (!claims && !mounted) return false;
  return textAt(workload, "kind") === "StatefulSet" || mapsAt(spec, "containers").some(looksLikeDatabase);
}

function looksLikeDatabase(container: JsonObject): boolean {
  return DATABASE.test(textAt(container, "image") ?? "");
}
