import type * as z from "zod";
import { isJsonObject } from "../core/json.ts";
import { knownFields, nearest } from "./knownFields.ts";
import { formatField, looksLikeField, type Problem } from "./problem.ts";
import type { Kind } from "./schema.ts";
import { type FieldPath, valueAt, type YamlDocument } from "./yamlText.ts";

type Issue = z.core.$ZodIssue;

/** What zod found in a document, in our words and at its line. */
export function schemaProblems(document: YamlDocument, kind: Kind, error: z.ZodError): Problem[] {
  return error.issues.flatMap((issue) => toProblems(document, kind, issue, []));
}

/** Words for what the schema itself has no message for. Never quotes the input. */
export function describeIssue(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return wrongType(issue.expected, issue.input);
    case "invalid_value":
      if (issue.input === undefined) return "is missing";
      return `must be ${issue.values.map(String).join(" or ")}`;
    case "too_small":
      return `must be at least ${issue.minimum}`;
    case "too_big":
      return `must be at most ${issue.maximum}${issue.origin === "string" ? " characters" : ""}`;
    case "invalid_key":
      return "must be a name of letters, digits and underscores";
    default:
      return undefined;
  }
}

function wrongType(expected: string, input: unknown): string {
  if (input === undefined) return "is missing";
  const names: Record<string, string> = { object: "a map", record: "a map", array: "a list", int: "a whole number" };
  const quotes = expected === "string" && typeof input !== "object" ? "; put it in quotes" : "";
  return `must be ${names[expected] ?? `a ${expected}`}${quotes}`;
}

function toProblems(document: YamlDocument, kind: Kind, issue: Issue, prefix: FieldPath): Problem[] {
  const path = [...prefix, ...issue.path];
  const field = formatField(path);
  const { file } = document;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      file,
      ...document.positionOfKey(path, key),
      field,
      text: unknownField(key, knownFields(kind, path)),
    }));
  }
  const branch = issue.code === "invalid_union" ? closestBranch(document, issue.errors, path) : undefined;
  if (branch !== undefined) return branch.flatMap((inner) => toProblems(document, kind, inner, path));
  const missing = valueAt(document.content, path) === undefined;
  const text = issue.code === "invalid_union" && missing ? `is missing: ${issue.message}` : issue.message;
  return [{ file, ...document.positionOf(path), field, text }];
}

function unknownField(key: string, known: readonly string[]): string {
  if (key === "value") return "unknown field value: no secret stands in the configuration itself; name it with `from`";
  const name = looksLikeField(key) ? `unknown field ${key}` : "unknown field";
  const close = nearest(key, known);
  if (close !== undefined) return `${name}; did you mean ${close}?`;
  return known.length === 0 ? name : `${name}; there are ${known.join(", ")}`;
}

/** The form that was probably meant: the only one with the fewest fields missing or unknown at its top. */
function closestBranch(document: YamlDocument, branches: readonly Issue[][], path: FieldPath): Issue[] | undefined {
  if (!isJsonObject(valueAt(document.content, path))) return undefined;
  const scored = branches.map((issues) => ({ issues, score: misfits(document, issues, path) }));
  const best = Math.min(...scored.map(({ score }) => score));
  const closest = scored.filter(({ score }) => score === best);
  return closest.length === 1 ? closest[0]?.issues : undefined;
}

function misfits(document: YamlDocument, issues: readonly Issue[], path: FieldPath): number {
  let count = 0;
  for (const issue of issues) {
    if (issue.path.length === 0 && issue.code === "unrecognized_keys") count += issue.keys.length;
    else if (issue.path.length === 0 && issue.code === "invalid_type") return Infinity;
    else if (issue.path.length === 0 && issue.code === "invalid_union") {
      count += Math.min(...issue.errors.map((inner) => misfits(document, inner, path)));
    } else if (issue.path.length === 1 && valueAt(document.content, [...path, ...issue.path]) === undefined) count += 1;
  }
  return count;
}
