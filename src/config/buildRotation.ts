import type {
  ChartJobTarget,
  DatabaseServer,
  DatabaseStrategy,
  DatabaseTarget,
  HttpStep,
  NotifySpec,
  RotationPolicy,
  SecretSource,
  TargetSpec,
  TlsSpec,
} from "../core/rotation/policy.ts";
import type { SecretRef } from "../core/secretRef.ts";
import type { Where } from "../core/spec.ts";
import { generatorOf } from "./generator.ts";
import { everyOf } from "./rotationPolicy.ts";
import { type DatabaseKind, strategyOf } from "./rotationTargetFaults.ts";
import type { DocumentOf } from "./schema.ts";

type PolicySpec = DocumentOf<"RotationPolicy">["spec"];
type TargetFields = PolicySpec["target"];
type SqlFields = Extract<TargetFields, { postgres: unknown }>["postgres"] & { readonly userHost?: string };
type JobFields = Extract<TargetFields, { chartJob: unknown }>["chartJob"];
type HttpFields = Extract<TargetFields, { http: unknown }>["http"];
type StepFields = NonNullable<HttpFields["test"]>;
type SourceFields = HttpFields["secrets"][string];

/** Gives a ref the one spelling that its store has for it. */
export type Normalise = (ref: SecretRef) => SecretRef;

/** A checked document as the program works with it. File paths in `spec` are absolute already. */
export function rotationOf(
  { metadata, spec }: DocumentOf<"RotationPolicy">,
  normalise: Normalise,
  where: Where,
): RotationPolicy {
  const { window, overlap } = spec;
  const every = everyOf(spec);
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    cluster: spec.cluster,
    secret: normalise(spec.secret),
    every: typeof every === "number" ? { kind: "interval", ms: every } : { kind: "cron", ...every },
    window: window && { cron: window.cron, durationMs: window.duration, timezone: window.timezone },
    deadlineMs: spec.deadline,
    jitterMs: spec.jitter,
    countStoreChanges: spec.countStoreChanges,
    generate: generatorOf(spec.generate),
    target: targetOf(spec.target, normalise),
    overlap: overlap && { key: overlap.key, forMs: overlap.for },
    owner: spec.owner,
    notify: spec.notify && notifyOf(spec.notify, normalise),
    where,
  };
}

function targetOf(target: TargetFields, normalise: Normalise): TargetSpec {
  if ("none" in target) return { kind: "none" };
  if ("postgres" in target) return databaseOf("postgres", target.postgres, normalise);
  if ("mariadb" in target) return databaseOf("mariadb", target.mariadb, normalise);
  if ("mysql" in target) return databaseOf("mysql", target.mysql, normalise);
  if ("redis" in target) {
    const { host, port, tls, user, admin } = target.redis;
    return { kind: "redis", host, port, tls: tlsOf(tls), user, admin: adminOf(admin, normalise) };
  }
  if ("chartJob" in target) return chartJobOf(target.chartJob);
  if ("http" in target) return httpOf(target.http, normalise);
  if ("vaultSecretId" in target) return { kind: "vaultSecretId", ...target.vaultSecretId };
  if ("infisicalClientSecret" in target) return { kind: "infisicalClientSecret", ...target.infisicalClientSecret };
  return { kind: "webhook", url: target.webhook.url, secret: sourceOf(target.webhook.secret, normalise) };
}

function databaseOf(kind: DatabaseKind, fields: SqlFields, normalise: Normalise): DatabaseTarget {
  return {
    ...serverOf(kind, fields),
    userHost: fields.userHost ?? "%",
    strategy: databaseStrategy(kind, fields),
    admin: adminOf(fields.admin, normalise),
  };
}

function serverOf(
  kind: DatabaseKind,
  { host, port, database, tls }: Pick<SqlFields, "host" | "port" | "database" | "tls">,
): DatabaseServer {
  return { kind, host, port, database, tls: tlsOf(tls) };
}

function chartJobOf({ release, switch: path, login }: JobFields): ChartJobTarget {
  return { kind: "chartJob", release, switch: path, login: login && loginOf(login) };
}

function loginOf(login: NonNullable<JobFields["login"]>): ChartJobTarget["login"] {
  if ("postgres" in login) return { ...serverOf("postgres", login.postgres), user: login.postgres.user };
  if ("mariadb" in login) return { ...serverOf("mariadb", login.mariadb), user: login.mariadb.user };
  return { ...serverOf("mysql", login.mysql), user: login.mysql.user };
}

/** The schema has seen to it that the fields are there which the strategy needs. */
function databaseStrategy(kind: DatabaseKind, fields: SqlFields): DatabaseStrategy {
  const { user = "", users = [], userKey = "" } = fields;
  const [first = "", second = ""] = users;
  const strategy = strategyOf(kind, fields);
  return strategy === "alternating" ? { kind: strategy, users: [first, second], userKey } : { kind: strategy, user };
}

function httpOf({ create, test, revoke, secrets }: HttpFields, normalise: Normalise): TargetSpec {
  const parts = Object.entries(secrets).map(([name, source]) => [name, sourceOf(source, normalise)] as const);
  return {
    kind: "http",
    create: { ...stepOf(create), value: create.value, id: create.id },
    test: test && stepOf(test),
    revoke: revoke && stepOf(revoke),
    secrets: new Map(parts),
  };
}

function stepOf({ method, url, headers, body }: StepFields): HttpStep {
  return { method, url, headers: new Map(Object.entries(headers)), body };
}

function notifyOf(notify: NonNullable<PolicySpec["notify"]>, normalise: Normalise): NotifySpec {
  if ("slack" in notify) return { kind: "slack", url: sourceOf(notify.slack.url, normalise) };
  return { kind: "webhook", url: notify.webhook.url, secret: sourceOf(notify.webhook.secret, normalise) };
}

function adminOf(admin: SqlFields["admin"], normalise: Normalise): DatabaseTarget["admin"] {
  return { user: admin.user, password: sourceOf(admin.password, normalise) };
}

function tlsOf({ mode, caFile }: SqlFields["tls"]): TlsSpec {
  return { mode, caFile };
}

function sourceOf(source: SourceFields, normalise: Normalise): SecretSource {
  return "fromStore" in source ? { fromStore: normalise(source.fromStore) } : source;
}
