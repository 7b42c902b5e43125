import { HelmwardenError } from "../errors.ts";

/** One thing that is wrong with a configuration. Texts never quote a value: it may be a secret at the wrong place. */
export interface Problem {
  readonly file: string;
  /** From 1; 0 where it is about the whole file. */
  readonly line: number;
  readonly column: number;
  /** As `spec.values[0].path`; empty where it is about the whole document. */
  readonly field: string;
  readonly text: string;
}

const MOST_SHOWN = 50;

/** One ConfigInvalid that lists the problems by file and line, as `file:line:column: field: text`. */
export function configInvalid(problems: readonly Problem[]): HelmwardenError {
  const ordered = problems.toSorted((a, b) =>
    a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1,
  );
  const shown = ordered.slice(0, MOST_SHOWN).map(formatProblem);
  const rest = ordered.length - shown.length;
  const heading = `The configuration has ${ordered.length === 1 ? "an error" : `${ordered.length} errors`}; nothing was changed.`;
  const lines = [heading, ...shown, ...(rest > 0 ? [`and ${rest} more`] : [])];
  return new HelmwardenError("ConfigInvalid", lines.join("\n"), { problems: ordered.length });
}

export function formatProblem(problem: Problem): string {
  const place = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : problem.file;
  return [place, problem.field, problem.text].filter((part) => part !== "").join(": ");
}

/** A path as people write it. Keys that do not look like a field name may be a secret and show as `?`. */
export function formatField(path: readonly PropertyKey[]): string {
  let field = "";
  for (const segment of path) {
    if (typeof segment === "number") field += `[${segment}]`;
    else field += `${field === "" ? "" : "."}${looksLikeField(segment) ? String(segment) : "?"}`;
  }
  return field;
}

export function looksLikeField(key: PropertyKey): boolean {
  return typeof key === "string" && /^[A-Za-z][A-Za-z0-9_]{0,40}$/.test(key);
}
