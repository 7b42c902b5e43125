import { isThere, type MigrationState } from "./journal.ts";
import type { ProposedMapping, ProposedRelease, ProposedSecret, Proposal } from "./proposal.ts";
import { rotationText } from "./rotationDocuments.ts";

export interface DocumentInput {
  readonly proposal: Proposal;
  readonly state: MigrationState;
  readonly store: string;
  readonly cluster: string;
  /** `chart` of a ReleaseSync, by NAMESPACE/NAME. */
  readonly charts: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** What the configuration has already: `release NAMESPACE/NAME`, `secret NAMESPACE/NAME`, `rotation PATH#KEY`. */
  readonly known: ReadonlySet<string>;
  /** A duration: with RotationPolicies. */
  readonly rotate?: string | undefined;
}

/**
 * The configuration that goes on where the migration ends: a ReleaseSync for each release with value paths, a
 * SecretSync for each Secret that no release applies. Only what the store has is in it, and nothing that the
 * configuration has already. JSON's strings are YAML's.
 */
export function configurationText(input: DocumentInput): string {
  const { proposal, known } = input;
  const isNew = (kind: string) => (one: { namespace: string; name: string }) =>
    !known.has(`${kind} ${one.namespace}/${one.name}`);
  const releases = proposal.releases.filter(isNew("release")).map((release) => releaseSync(input, release));
  const secrets = proposal.secrets.filter(isNew("secret")).map((secret) => secretSync(input, secret));
  const documents = [...releases, ...secrets].filter((one) => one !== undefined);
  const origin = `# Made by \`helmwarden migrate\`, to be used beside the document of SecretStore ${input.store}.\n`;
  return [origin, ...documents].join("---\n") + rotationOf(input);
}

function rotationOf(input: DocumentInput): string {
  const { rotate, proposal, store, cluster, known } = input;
  if (rotate === undefined) return "";
  const has = (path: string, key: string): boolean => isIn(input, path, key) && !known.has(`rotation ${path}#${key}`);
  return rotationText({ store, cluster, every: rotate, ...proposal, has });
}

function releaseSync(input: DocumentInput, release: ProposedRelease): string | undefined {
  const { namespace, name, chart, revision } = release;
  const mappings = release.mappings.filter(({ from }) => isIn(input, from.path, from.key));
  if (mappings.length === 0) return undefined;
  const known = input.charts.get(`${namespace}/${name}`);
  return lines([
    `# Release ${namespace}/${name}: chart ${chart.name} ${chart.version}, revision ${revision}.`,
    ...release.warnings.map((warning) => `# Not mapped: ${warning}`),
    ...head("ReleaseSync", namespace, name, input.cluster),
    ...(known === undefined
      ? ["  # Helm does not store where a chart comes from: put {path}, {repository, name} or {oci} here."]
      : []),
    `  chart: ${inline(known ?? { path: `./charts/${chart.name}` })}`,
    "  values:",
    ...mappings.flatMap((mapping) => mappingLines(input.store, mapping)),
  ]);
}

function mappingLines(store: string, { path, type, form, from, note }: ProposedMapping): string[] {
  const ref = inline({ store, ...from });
  const source =
    form === "same"
      ? [`      from: ${ref}`]
      : [`      template: ${quote("${value|base64}")}`, "      from:", `        value: ${ref}`];
  return [
    ...(note === undefined ? [] : [`    # ${note}.`]),
    `    - path: ${quote(path)}`,
    ...(type === "string" ? [] : [`      type: ${type}`]),
    ...source,
  ];
}

function secretSync(input: DocumentInput, secret: ProposedSecret): string | undefined {
  const { namespace, name, path, release, type } = secret;
  if (release !== undefined) return undefined;
  const keys = secret.keys.filter(({ key, content }) => content !== "empty" && isIn(input, path, key));
  if (keys.length === 0) return undefined;
  const readers = secret.readers.map(({ object }) => object).join(", ");
  const empty = secret.keys.filter(({ content }) => content === "empty").map(({ key }) => key);
  return lines([
    `# Secret ${namespace}/${name}, ${type}, read by ${readers === "" ? "nothing that was seen" : readers}.`,
    ...(empty.length === 0 ? [] : [`# Not synced, as they are empty: ${empty.join(", ")}.`]),
    ...head("SecretSync", namespace, name, input.cluster),
    `  secret: ${quote(name)}`,
    ...(type === "Opaque" ? [] : [`  type: ${quote(type)}`]),
    "  data:",
    ...keys.flatMap(({ key }) => [
      `    - key: ${quote(key)}`,
      `      from: ${inline({ store: input.store, path, key })}`,
    ]),
  ]);
}

/** The policy that a login of helmwarden needs to read what was migrated, and nothing else. */
export function vaultPolicyText(state: MigrationState, mount: string, version: 1 | 2 | undefined): string {
  const between = version === 1 ? "/" : "/data/";
  const note = version === undefined ? "# For KV version 2; on a mount of version 1 the paths go without data/.\n" : "";
  const rules = [...state.items.keys()].map(
    (path) => `path ${quote(`${mount}${between}${path}`)} {\n  capabilities = ["read"]\n}\n`,
  );
  return `# Lets helmwarden read what was migrated, and nothing else.\n${note}${rules.join("")}`;
}

/** The same for Infisical, as a list for the person who sets up the role. */
export function infisicalPermissionsText(state: MigrationState, environment: string): string {
  const rules = [...state.items.keys()].map((path) => `secrets  describe, read value  ${environment}  /${path}\n`);
  return `# What the role of helmwarden's identity needs: subject, actions, environment, folder.\n${rules.join("")}`;
}

function isIn({ state }: DocumentInput, path: string, key: string): boolean {
  return isThere(state.results.get(path)?.get(key));
}

function head(kind: string, namespace: string, name: string, cluster: string): string[] {
  return [
    "apiVersion: helmwarden.dev/v1alpha1",
    `kind: ${kind}`,
    `metadata: ${inline({ name, namespace })}`,
    "spec:",
    ...(cluster === "default" ? [] : [`  cluster: ${quote(cluster)}`]),
  ];
}

function lines(all: readonly string[]): string {
  return `${all.join("\n")}\n`;
}

function inline(entries: Readonly<Record<string, string>>): string {
  return `{ ${Object.entries(entries)
    .map(([key, value]) => `${key}: ${quote(value)}`)
    .join(", ")} }`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}
