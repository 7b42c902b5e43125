import { HelmwardenError } from "../../errors.ts";

/** `{{namespace}}/{{secret}}`, unless told otherwise. */
export const DEFAULT_PATH = "{{namespace}}/{{secret}}";

const PART = /\{\{\s*(\w+)\s*\}\}/g;

/** What may stand in a path: Infisical's folders take letters, digits, dashes and underscores, Vault what URLs take. */
export type PathRule = "vault" | "infisical";

/** The path of one Secret in the store. Throws UsageInvalid where the template has another part than the two. */
export function storePathOf(template: string, namespace: string, secret: string, rule: PathRule): string {
  const filled = template.replaceAll(PART, (_, part: string) => {
    if (part === "namespace") return namespace;
    if (part === "secret") return secret;
    throw new HelmwardenError(
      "UsageInvalid",
      `The path template has a part {{${part}}}. There are {{namespace}} and {{secret}}.`,
    );
  });
  const segments = filled.split("/").filter(Boolean);
  if (segments.length === 0) throw new HelmwardenError("UsageInvalid", "The path template gives an empty path.");
  return segments.map((one) => (rule === "infisical" ? one.replaceAll(/[^A-Za-z0-9_-]/g, "_") : one)).join("/");
}

/** A name of a key for a value that is kept by its own path, such as `database.password`. */
export function keyOfValuePath(path: string): string {
  return path.replaceAll(/[^A-Za-z0-9._-]/g, "_");
}
