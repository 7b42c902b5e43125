import { type SchemaNode, schemaOf } from "./jsonSchema.ts";
import type { Kind } from "./schema.ts";

/** The fields that may stand at a path of a document, over all its forms; none where keys are free. */
export function knownFields(kind: Kind, path: readonly PropertyKey[]): readonly string[] {
  let nodes = formsOf(schemaOf(kind));
  for (const segment of path) {
    const inner = nodes.map((node) => {
      if (typeof segment === "number") return node.items;
      const free = typeof node.additionalProperties === "object" ? node.additionalProperties : undefined;
      return node.properties?.[String(segment)] ?? free;
    });
    nodes = inner.filter((node) => node !== undefined).flatMap(formsOf);
  }
  return [...new Set(nodes.flatMap((node) => Object.keys(node.properties ?? {})))];
}

/** The one that differs by a letter or two, if there is one. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const scored = candidates.map((candidate) => ({ candidate, edits: editDistance(word, candidate) }));
  const [best] = scored.sort((a, b) => a.edits - b.edits);
  return best !== undefined && best.edits <= Math.min(2, word.length - 1) ? best.candidate : undefined;
}

/** A node's forms: itself, or each of its alternatives, theirs included. */
export function formsOf(node: SchemaNode): readonly SchemaNode[] {
  return node.anyOf === undefined ? [node] : node.anyOf.flatMap(formsOf);
}

/** Levenshtein, for two words of which one is a field name: a longer other one is not worth it. */
function editDistance(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > 2) return Infinity;
  const [left, right] = [from.toLowerCase(), to.toLowerCase()];
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? Infinity;
}
