// Writes docs/configuration.md and docs/schema.json from the schema in src/config: `node scripts/generate-docs.ts`.
import { writeFileSync } from "node:fs";
import { DURATION } from "../src/config/duration.ts";
import { allowSame, jsonSchema, namedShapes, type SchemaNode, schemaOf } from "../src/config/jsonSchema.ts";
import { formsOf } from "../src/config/knownFields.ts";
import { type Kind, KINDS } from "../src/config/schema.ts";

const INTRO = `# Configuration

<!-- Written by scripts/generate-docs.ts; change the schema in src/config instead. -->

A file, or the \`*.yaml\`, \`*.yml\` and \`*.json\` files of a folder, with any number
of documents of the five kinds below. Unknown fields, duplicate names, dangling
references and overlapping value paths are errors, all listed at once with file,
line, column and field. \`helmwarden schema\` prints the JSON Schema, which
\`docs/schema.json\` holds too: with the comment line
\`# yaml-language-server: $schema=docs/schema.json\` an editor completes and checks.

- No secret stands in the configuration: a **credential** is a reference, and so is
  a **secret ref**.
- A **duration** is \`90d\`, \`1h30m\`, \`60s\` or \`500ms\`.
- Relative paths of files start at the folder of the file that they are written in.
- Where a default column says **choice**, a map has several forms: write the
  fields of exactly one.
`;

const ABOUT: Readonly<Record<Kind, string>> = {
  SecretStore: "An external secret manager, and how to log in to it.",
  ReleaseSync: "One Helm release, and which of its values come from which secrets.",
  SecretSync: "One Kubernetes Secret, for charts that take an existing Secret.",
  RotationPolicy: "One secret in a store that is renewed in time, and what has to learn it: [rotation](rotation.md).",
  HelmwardenConfig: "The program itself. At most one; without it, every default holds.",
};

interface Row {
  readonly field: string;
  readonly type: string;
  readonly fallback: string;
  readonly what: string;
}

/** The text of docs/configuration.md. */
export function configurationPage(): string {
  const kinds = (Object.keys(KINDS) as Kind[]).flatMap((kind) => [
    `## ${kind}\n\n${ABOUT[kind]}\n`,
    ...sections("", schemaOf(kind), `${kind}: `),
  ]);
  const { Credential, SecretRef, SecretSource } = namedShapes();
  const references = [
    "## Credential\n\nWhere a credential is read from.\n",
    table(rowsOf("", Credential, [])),
    "## Secret ref\n\nOne secret in a store.\n",
    table(rowsOf("", SecretRef, [])),
    "## Secret source\n\nA credential that may itself lie in a store.\n",
    table(rowsOf("", SecretSource, [])),
  ];
  return [INTRO, ...kinds, ...references].join("\n").trimEnd().concat("\n");
}

/** The text of docs/schema.json. */
export function schemaPage(): string {
  return `${JSON.stringify(jsonSchema(), null, 2)}\n`;
}

/** A table of the node's fields, small maps within it spread out, and then one section for each larger map. */
function sections(path: string, node: SchemaNode, kind: string): string[] {
  const apart: { path: string; node: SchemaNode }[] = [];
  const rows = rowsOf("", node, apart);
  const inner = apart.flatMap((section) => {
    const full = [path, section.path].filter((part) => part !== "").join(".");
    return [`### ${kind}${full}\n`, ...sections(full, section.node, kind)];
  });
  return [table(rows), ...inner];
}

function rowsOf(prefix: string, node: SchemaNode, apart: { path: string; node: SchemaNode }[]): Row[] {
  const forms = formsOf(node);
  return fieldsOf(node).flatMap((name) => {
    const having = forms.filter((form) => form.properties?.[name] !== undefined);
    const nodes = unique(having.flatMap((form) => form.properties?.[name] ?? []));
    const [only] = nodes;
    const field = `${prefix}${name}`;
    const required = having.every((form) => form.required?.includes(name));
    const fallback = required ? (having.length < forms.length ? "choice" : "required") : defaultOf(nodes);
    const entry = only?.type === "array" ? only.items : only;
    const isList = only?.type === "array";
    if (only?.const !== undefined) return [];
    if (nodes.length > 1 || entry === undefined || !isMap(entry)) return [row(field, nodes, fallback)];
    if (isList || (fieldsOf(entry).length > 3 && field !== "spec")) {
      apart.push({ path: isList ? `${field}[]` : field, node: entry });
      return [row(field, nodes, fallback)];
    }
    const summary = only?.description === undefined ? [] : [row(field, nodes, fallback)];
    return [...summary, ...rowsOf(`${field}.`, entry, apart)];
  });
}

function row(field: string, nodes: readonly SchemaNode[], fallback: string): Row {
  const what = nodes.map((node) => node.description ?? "").join(" ");
  return { field: `\`${field}\``, type: unique(nodes.map(typeOf)).join(", "), fallback, what };
}

function typeOf(node: SchemaNode): string {
  const { Credential, SecretRef, SecretSource } = namedShapes();
  if (allowSame(node, Credential)) return "[credential](#credential)";
  if (allowSame(node, SecretSource)) return "[secret source](#secret-source)";
  if (allowSame(node, SecretRef)) return "[secret ref](#secret-ref)";
  if (node.enum !== undefined) return node.enum.map((word) => `\`${String(word)}\``).join(" ");
  if (node.pattern === DURATION.source) return "duration";
  if (node.type === "array") return "list";
  if (node.type === "string") return node.pattern?.includes("%") === true ? "percentage" : "text";
  if (node.anyOf !== undefined) return unique(node.anyOf.map(typeOf)).join(", ");
  return { integer: "number", boolean: "`true` `false`" }[node.type ?? ""] ?? "map";
}

function defaultOf(nodes: readonly SchemaNode[]): string {
  const value = nodes[0]?.default;
  if (value === undefined) return "";
  if (typeof value !== "object" || value === null) return `\`${JSON.stringify(value).replaceAll('"', "")}\``;
  const [first] = Object.entries(value);
  return first === undefined ? "" : `\`${first[0]}: ${typeof first[1] === "string" ? first[1] : "{}"}\``;
}

function isMap(node: SchemaNode): boolean {
  return fieldsOf(node).length > 0 && !Object.values(namedShapes()).some((named) => allowSame(node, named));
}

function fieldsOf(node: SchemaNode): string[] {
  return unique(formsOf(node).flatMap((form) => Object.keys(form.properties ?? {})));
}

function unique<T>(items: readonly T[]): T[] {
  return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(
    (entry) => `| ${[entry.field, entry.type, entry.fallback, entry.what].map(cell).join(" | ")} |`,
  );
  return ["| field | type | default | what it does |", "|---|---|---|---|", ...lines, ""].join("\n");
}

function cell(text: string): string {
  return text.replaceAll("|", String.raw`\|`);
}

if (process.argv[1] === import.meta.filename) {
  writeFileSync(new URL("../docs/configuration.md", import.meta.url), configurationPage());
  writeFileSync(new URL("../docs/schema.json", import.meta.url), schemaPage());
}
