import { HelmwardenError } from "../../errors.ts";

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const REFUSED = /^\.{0,2}$|[\u0000-\u001f\u007f]/;

/**
 * A Vault path with each segment percent-encoded, as it goes into a URL. Refused as ConfigInvalid: an empty path or
 * segment (so also a slash at either end), `.` and `..`, control characters: Vault would redirect, or read
 * another path than the one that is written.
 */
export function encodePath(path: string): string {
  const segments = path.split("/");
  if (segments.some((segment) => REFUSED.test(segment)) || !path.isWellFormed()) {
    throw new HelmwardenError(
      "ConfigInvalid",
      `${JSON.stringify(path)} is no path in Vault. Write it without slashes at its ends, empty parts, dots as parts or control characters.`,
    );
  }
  return segments.map(encodeURIComponent).join("/");
}
