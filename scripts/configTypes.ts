// The configuration's documents as TypeScript, for whoever writes them by program: from the schema, and without its libraries.
import { namedShapes, allowSame, type SchemaNode, schemaOf } from "../src/config/jsonSchema.ts";
import { type Kind, KINDS } from "../src/config/schema.ts";

const HEAD =
  "// Documents of a helmwarden configuration, as they are written. Made from the schema: docs/configuration.md.\n";
const SIMPLE: Readonly<Record<string, string>> = {
  string: "string",
  integer: "number",
  number: "number",
  boolean: "boolean",
};

/** The text of a declaration file: an interface or type for each kind, for what stands in many places, and for any document. */
export function configTypes(): string {
  const kinds = Object.keys(KINDS) as Kind[];
  const shapes = Object.entries(namedShapes()).map(
    ([name, node]) => `export type ${name} = ${typeOf(node, "", name)};\n`,
  );
  const documents = kinds.map((kind) => `export type ${kind} = ${typeOf(schemaOf(kind), "")};\n`);
  const any = `/** One document of any kind. */\nexport type ConfigDocument = ${kinds.join(" | ")};\n`;
  return [HEAD, ...shapes, ...documents, any].join("\n");
}

/** `within`: the named shape that is being written, which must not be referred to by itself. */
function typeOf(node: SchemaNode, indent: string, within?: string): string {
  const named = Object.entries(namedShapes()).find(([name, shape]) => name !== within && allowSame(node, shape));
  if (named !== undefined) return named[0];
  if (node.const !== undefined) return JSON.stringify(node.const);
  if (node.enum !== undefined) return node.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (node.anyOf !== undefined) return node.anyOf.map((one) => `(${typeOf(one, indent)})`).join(" | ");
  if (node.type === "array") return `readonly (${typeOf(node.items ?? {}, indent)})[]`;
  if (node.properties !== undefined) return objectOf(node, indent);
  if (typeof node.additionalProperties === "object")
    return `{ readonly [name: string]: ${typeOf(node.additionalProperties, indent)} }`;
  const simple = SIMPLE[node.type ?? ""];
  if (simple === undefined) throw new Error(`no type for ${JSON.stringify(node).slice(0, 200)}`);
  return simple;
}

function objectOf({ properties = {}, required = [] }: SchemaNode, indent: string): string {
  const inner = `${indent}  `;
  const fields = Object.entries(properties).flatMap(([name, node]) => {
    const { description, default: fallback } = node;
    const said = [description ?? "", fallback === undefined ? "" : `Default: ${JSON.stringify(fallback)}.`];
    const comment = said.filter(Boolean).join(" ").replaceAll("*/", "*\\/");
    const field = `${inner}readonly ${name}${required.includes(name) ? "" : "?"}: ${typeOf(node, inner)};`;
    return comment === "" ? [field] : [`${inner}/** ${comment} */`, field];
  });
  return `{\n${fields.join("\n")}\n${indent}}`;
}
