import { toHelmwardenError } from "../errors.ts";

/** A fault for the audit log: its code, and the class of a failed helm. */
export function failureText(caught: unknown): string {
  const { code, detail } = toHelmwardenError(caught);
  const failure = detail["failure"];
  return typeof failure === "string" ? `${code} (${failure})` : code;
}
