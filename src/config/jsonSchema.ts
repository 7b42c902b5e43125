import * as z from "zod";
import { type Kind, KINDS } from "./schema.ts";

/** A JSON Schema as far as this program makes and reads it. */
export interface SchemaNode {
  readonly description?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
}

/** The schema of one kind of document as people write it, with nothing referred to elsewhere. */
export function schemaOf(kind: Kind): SchemaNode {
  const { $schema: _, ...schema } = z.toJSONSchema(KINDS[kind], { io: "input", reused: "inline" });
  return schema as SchemaNode;
}

/** JSON Schema (draft 2020-12) of one document of any kind: what `helmwarden schema` prints. */
export function jsonSchema(): object {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "helmwarden configuration",
    type: "object",
    required: ["apiVersion", "kind"],
    oneOf: (Object.keys(KINDS) as Kind[]).map((kind) => ({ title: kind, ...schemaOf(kind) })),
  };
}
