import * as z from "zod";
import { credential, secretRef, secretSource } from "./fields.ts";
import { type Kind, KINDS } from "./schema.ts";

/** A JSON Schema as far as this program makes and reads it. */
export interface SchemaNode {
  readonly description?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
}

const nodes = new Map<Kind, SchemaNode>();

/** The schema of one kind of document as people write it, with nothing referred to elsewhere. */
export function schemaOf(kind: Kind): SchemaNode {
  const node = nodes.get(kind) ?? nodeOf(KINDS[kind]);
  nodes.set(kind, node);
  return node;
}

let shapes: Readonly<Record<"Credential" | "SecretRef" | "SecretSource", SchemaNode>> | undefined;

/** The shapes that stand in many places, by their names. */
export function namedShapes() {
  shapes ??= {
    Credential: nodeOf(credential()),
    SecretRef: nodeOf(secretRef()),
    SecretSource: nodeOf(secretSource()),
  };
  return shapes;
}

/** Whether two nodes allow the same, whatever they are described as and default to. */
export function allowSame(left: SchemaNode, right: SchemaNode): boolean {
  return shapeOf(left) === shapeOf(right);
}

/** JSON Schema (draft 2020-12) of one document of any kind: what `helmwarden schema` prints. */
export function jsonSchema(): object {
  const named = namedShapes();
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "helmwarden configuration",
    type: "object",
    required: ["apiVersion", "kind"],
    oneOf: (Object.keys(KINDS) as Kind[]).map((kind) => ({ title: kind, ...refer(schemaOf(kind), named) })),
    $defs: named,
  };
}

function nodeOf(schema: z.ZodType): SchemaNode {
  const { $schema: _, ...node } = z.toJSONSchema(schema, { io: "input", reused: "inline" });
  return node as SchemaNode;
}

function shapeOf(node: SchemaNode): string {
  const { description: _, default: __, ...shape } = node;
  return JSON.stringify(shape);
}

/** The same node with a `$ref` wherever one of the named shapes stands in it. */
function refer(node: SchemaNode, named: Readonly<Record<string, SchemaNode>>): object {
  const name = Object.keys(named).find((key) => named[key] !== undefined && allowSame(node, named[key]));
  if (name !== undefined) {
    const { description, default: fallback } = node;
    return { description, default: fallback, $ref: `#/$defs/${name}` };
  }
  const entries = Object.entries(node).map(([key, value]: [string, unknown]) => [key, referAny(value, named)]);
  return Object.fromEntries(entries) as object;
}

function referAny(value: unknown, named: Readonly<Record<string, SchemaNode>>): unknown {
  if (Array.isArray(value)) return value.map((item) => referAny(item, named));
  return typeof value === "object" && value !== null ? refer(value, named) : value;
}
