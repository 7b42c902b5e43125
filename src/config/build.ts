import { dirname, resolve } from "node:path";
import { isJsonObject } from "../core/json.ts";
import type { RotationPolicy } from "../core/rotation/policy.ts";
import type { SecretRef } from "../core/secretRef.ts";
import type {
  ChartSource,
  Config,
  InfisicalAuth,
  InfisicalSpec,
  ProgramSpec,
  ReleaseSync,
  SecretStore,
  SecretSync,
  ValueSource,
  VaultSpec,
  Where,
} from "../core/spec.ts";
import { rotationOf } from "./buildRotation.ts";
import { API_VERSION } from "./fields.ts";
import { helmwardenConfig } from "./helmwardenConfig.ts";
import type { AnyDocument, DocumentOf } from "./schema.ts";
import { sourceOf } from "./valueSource.ts";
import type { YamlDocument } from "./yamlText.ts";

/** A document that its schema accepts, and where it comes from. */
export interface Loaded {
  readonly yaml: YamlDocument;
  readonly document: AnyDocument;
}

type StoreSpec = DocumentOf<"SecretStore">["spec"];
type InfisicalFields = Extract<StoreSpec, { infisical: unknown }>["infisical"];
type Stores = ReadonlyMap<string, SecretStore>;

/** Checked documents as the program works with them: plain data, file paths absolute. */
export function buildConfig(loaded: readonly Loaded[]): Config {
  const stores = new Map<string, SecretStore>();
  const releases: ReleaseSync[] = [];
  const secrets: SecretSync[] = [];
  const rotations: RotationPolicy[] = [];
  let program = programOf(helmwardenConfig.parse({ apiVersion: API_VERSION, kind: "HelmwardenConfig" }), "/");
  for (const { yaml, document } of loaded) {
    if (document.kind === "SecretStore") stores.set(document.metadata.name, storeOf(document, whereOf(yaml)));
    if (document.kind === "HelmwardenConfig") program = programOf(document, dirname(yaml.file));
  }
  for (const { yaml, document } of loaded) {
    if (document.kind === "ReleaseSync") releases.push(releaseOf(document, stores, whereOf(yaml)));
    if (document.kind === "SecretSync") secrets.push(secretOf(document, stores, whereOf(yaml)));
    if (document.kind === "RotationPolicy") {
      const located = { ...document, spec: withAbsoluteFiles(document.spec, dirname(yaml.file)) };
      rotations.push(rotationOf(located, (ref) => spelled(ref, stores), whereOf(yaml)));
    }
  }
  return { stores, releases, secrets, rotations, program };
}

function whereOf(yaml: YamlDocument): Where {
  return { file: yaml.file, line: yaml.positionOf([]).line };
}

function programOf({ spec }: DocumentOf<"HelmwardenConfig">, folder: string): ProgramSpec {
  const { http, rollout, restarts, retry } = spec;
  const program: ProgramSpec = {
    auditFile: resolve(folder, spec.audit.file),
    queue: "redis" in spec.queue ? { kind: "redis", ...spec.queue.redis } : { kind: "local", ...spec.queue.local },
    http: { address: http.address, port: http.port, token: http.token },
    rollout,
    restarts,
    retry: { firstMs: retry.first, mostMs: retry.most, attempts: retry.attempts },
    shutdownGraceMs: spec.shutdownGrace,
    resyncMs: spec.resync,
    digestKey: spec.digestKey,
  };
  return withAbsoluteFiles(program, folder);
}

function storeOf({ metadata, spec }: DocumentOf<"SecretStore">, where: Where): SecretStore {
  const store: SecretStore = {
    name: metadata.name,
    refreshIntervalMs: spec.refreshInterval,
    callsPerMinute: spec.callsPerMinute,
    maxLoss: spec.maxLoss,
    pushToken: spec.push?.token,
    provider: "vault" in spec ? vaultOf(spec.vault) : infisicalOf(spec.infisical),
    where,
  };
  return withAbsoluteFiles(store, dirname(where.file));
}

function vaultOf(vault: Extract<StoreSpec, { vault: unknown }>["vault"]): VaultSpec {
  const { address, namespace, authNamespace, mount, version, caFile, events, auth } = vault;
  return { kind: "vault", address, namespace, authNamespace, mount, version, caFile, events, auth };
}

function infisicalOf(infisical: InfisicalFields): InfisicalSpec {
  const { siteUrl, environment, organizationSlug, caFile, events } = infisical;
  const project = "projectId" in infisical ? { id: infisical.projectId } : { slug: infisical.projectSlug };
  return {
    kind: "infisical",
    siteUrl,
    project,
    environment,
    organizationSlug,
    recursive: infisical.recursive === undefined ? undefined : { path: folderPath(infisical.recursive) },
    caFile,
    events,
    webhookSecret: infisical.webhook?.secret,
    auth: infisicalAuthOf(infisical.auth),
  };
}

function infisicalAuthOf(auth: InfisicalFields["auth"]): InfisicalAuth {
  if ("universal" in auth) return { kind: "universal", ...auth.universal };
  if ("kubernetes" in auth) return { kind: "kubernetes", ...auth.kubernetes };
  if ("oidc" in auth) return { kind: "oidc", ...auth.oidc };
  if ("jwt" in auth) return { kind: "jwt", ...auth.jwt };
  if ("spiffe" in auth) return { kind: "spiffe", ...auth.spiffe };
  if ("gcp" in auth) return { kind: "gcp", ...auth.gcp };
  if ("azure" in auth) return { kind: "azure", ...auth.azure };
  if ("ldap" in auth) return { kind: "ldap", ...auth.ldap };
  if ("aws" in auth) return { kind: "aws", ...auth.aws };
  return { kind: "token", token: auth.token };
}

function releaseOf({ metadata, spec }: DocumentOf<"ReleaseSync">, stores: Stores, where: Where): ReleaseSync {
  const { upgrade } = spec;
  return {
    name: metadata.name,
    key: { cluster: spec.cluster, namespace: metadata.namespace, name: spec.release ?? metadata.name },
    chart: chartOf(spec.chart, dirname(where.file)),
    values: spec.values.map((entry) => ({
      path: entry.path,
      type: entry.type,
      kind: entry.kind,
      source: normalised(sourceOf(entry), stores),
    })),
    guards: spec.guards,
    whenIgnored: spec.whenIgnored,
    upgrade: {
      timeoutMs: upgrade.timeout,
      readyMs: upgrade.ready,
      historyMax: upgrade.historyMax,
      onFailure: upgrade.onFailure,
      scrub: upgrade.scrub,
    },
    restart: spec.restart,
    drift: spec.drift,
    suspend: spec.suspend,
    where,
  };
}

function secretOf({ metadata, spec }: DocumentOf<"SecretSync">, stores: Stores, where: Where): SecretSync {
  return {
    name: metadata.name,
    cluster: spec.cluster,
    namespace: metadata.namespace,
    secret: spec.secret ?? metadata.name,
    type: spec.type,
    data: spec.data.map((entry) => ({
      key: entry.key,
      kind: entry.kind,
      source: normalised(sourceOf(entry), stores),
    })),
    guards: spec.guards,
    restart: spec.restart,
    drift: spec.drift,
    where,
  };
}

function chartOf(chart: DocumentOf<"ReleaseSync">["spec"]["chart"], folder: string): ChartSource {
  if ("path" in chart) return { kind: "path", path: resolve(folder, chart.path) };
  const version = chart.version === undefined ? {} : { version: chart.version };
  if ("oci" in chart) return { kind: "oci", oci: chart.oci, ...version };
  return { kind: "repository", repository: chart.repository, name: chart.name, ...version };
}

function normalised(source: ValueSource, stores: Stores): ValueSource {
  if (source.kind === "ref") return { kind: "ref", ref: spelled(source.ref, stores) };
  return { ...source, parts: new Map([...source.parts].map(([name, ref]) => [name, spelled(ref, stores)])) };
}

/** Infisical's folders get one spelling, so that equal ones are read once. */
function spelled(ref: SecretRef, stores: Stores): SecretRef {
  return stores.get(ref.store)?.provider.kind === "infisical" ? { ...ref, path: folderPath(ref.path) } : ref;
}

function folderPath(path: string): string {
  return `/${path.replaceAll(/^\/|\/$/g, "")}`;
}

/** The same data, with each `fromFile` and `caFile` in it resolved against the configuration's folder. */
function withAbsoluteFiles<T>(data: T, folder: string): T {
  if (!isJsonObject(data)) return data;
  const entries = Object.entries(data).map(([key, value]: [string, unknown]) => {
    const isFile = (key === "fromFile" || key === "caFile") && typeof value === "string";
    return [key, isFile ? resolve(folder, value) : withAbsoluteFiles(value, folder)];
  });
  return Object.fromEntries(entries) as T;
}
