import * as z from "zod";
import type { ShareOrCount } from "../core/spec.ts";
import { parseTemplate, parseText } from "../core/template.ts";
import { parseValuePath } from "../core/valuePath.ts";

export const API_VERSION = "helmwarden.dev/v1alpha1";
export const DEFAULT_CLUSTER = "default";

const NO_CONTROL = /^\P{Cc}+$/u;
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const NAME_RULE = "must be a Kubernetes name: lower-case letters, digits and inner dashes";

/** Any text of one line that is not empty. */
export function text() {
  return z
    .string()
    .min(1, "must not be empty")
    .max(1024)
    .regex(NO_CONTROL, "must be one line, without control characters");
}

/** A word that may reach an argument list, so that it cannot look like an option. */
export function word() {
  return text().regex(/^[^-\s](.*\S)?$/u, "must not begin with a dash, nor begin or end with a space");
}

export function objectName(longest = 253) {
  return z
    .string()
    .max(longest, `must be at most ${longest} characters`)
    .regex(SUBDOMAIN, `${NAME_RULE} (dots allowed)`);
}

export function namespaceName() {
  return z.string().max(63, "must be at most 63 characters").regex(LABEL, NAME_RULE);
}

/** A key of a Secret's `data`. */
export function dataKey() {
  return z
    .string()
    .max(253, "must be at most 253 characters")
    .regex(/^(?!\.\.?$)[-._a-zA-Z0-9]+$/, "must be letters, digits, dots, dashes and underscores");
}

/** http or https, without credentials, query or fragment, and without a slash at its end. */
export function serverUrl() {
  return text().transform((address, context) => {
    const url = URL.canParse(address) ? new URL(address) : undefined;
    const fault = url === undefined ? "must be a URL such as https://host:8200" : urlFault(url);
    if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
    return address.replace(/\/+$/, "");
  });
}

function urlFault(url: URL): string | undefined {
  if (!/^https?:$/.test(url.protocol)) return "must begin with https:// or http://";
  if (url.username !== "" || url.password !== "") return "must not hold credentials; they belong to `auth`";
  return url.search + url.hash === "" ? undefined : "must not have a query or fragment";
}

/** http or https, with path and query if need be, and without credentials. */
export function webUrl() {
  return text().superRefine((address, context) => {
    const url = URL.canParse(address) ? new URL(address) : undefined;
    if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "") return;
    context.addIssue({ code: "custom", message: "must be an http or https URL without user and password" });
  });
}

/** A path inside a store. Slashes at its ends are judged later, when the kind of the store is known. */
export function storePath() {
  return text()
    .regex(/^(?!.*\/\/)/u, "must not have empty segments (//)")
    .refine((path) => !path.split("/").some((part) => part === "." || part === ".."), "must not have . or .. segments");
}

/** Where a credential is read from; whoever writes it in clear is told so. */
export function credential() {
  return z.union(
    [
      z.strictObject({
        fromEnv: z
          .string()
          .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be the name of an environment variable, not its content")
          .describe("Name of an environment variable that holds it."),
      }),
      z.strictObject({ fromFile: text().describe("File that holds it, relative to the configuration file.") }),
      z.strictObject({
        fromSecret: z
          .strictObject({
            namespace: namespaceName().describe("Its namespace."),
            name: objectName().describe("Its name."),
            key: dataKey().describe("The key of its data."),
          })
          .describe("Kubernetes Secret that holds it."),
      }),
    ],
    "must be a reference, exactly one of {fromEnv: NAME}, {fromFile: path} and {fromSecret: {namespace, name, key}}: " +
      "no secret stands in the configuration itself",
  );
}

/** A credential that may itself lie in a store. */
export function secretSource() {
  return z.union(
    [
      ...credential().options,
      z.strictObject({ fromStore: secretRef().describe("Secret in a store, read each time that it is needed.") }),
    ],
    "must be a reference, exactly one of {fromEnv: NAME}, {fromFile: path}, {fromSecret: {namespace, name, key}} and " +
      "{fromStore: {store, path, key}}: no secret stands in the configuration itself",
  );
}

/** `0%` to `100%`, and a fraction of 1 once parsed. */
export function share() {
  return z
    .string()
    .regex(/^(100|[1-9]?\d)%$/, "must be a percentage such as 50%")
    .transform(fraction);
}

/** A whole number from 1, or `1%` to `100%`. */
export function shareOrCount() {
  const rule = "must be a whole number from 1, or a percentage such as 25%";
  const percent = z.string().regex(/^(100|[1-9]\d?)%$/, rule);
  return z
    .union([z.int().min(1, rule), percent], rule)
    .transform((given): ShareOrCount =>
      typeof given === "number" ? { kind: "count", count: given } : { kind: "share", share: fraction(given) },
    );
}

function fraction(percent: string): number {
  return Number.parseInt(percent, 10) / 100;
}

export function secretRef() {
  return z.strictObject({
    store: objectName().describe("`metadata.name` of a SecretStore."),
    path: storePath().describe("Path in the store: `apps/matomo` in Vault, `/apps/matomo` in Infisical."),
    key: text().describe("Key at that path."),
  });
}

export function valuePath() {
  return z.string().transform((path, context) => {
    const parsed = parseValuePath(path);
    if (!("error" in parsed)) return parsed;
    context.addIssue({ code: "custom", message: `is not a value path: ${parsed.error}` });
    return z.NEVER;
  });
}

export function template() {
  return templateBy(parseTemplate);
}

/** A template that may as well be plain text. */
export function plainOrTemplate() {
  return templateBy(parseText);
}

function templateBy(parse: typeof parseTemplate) {
  return z.string().transform((source, context) => {
    const parsed = parse(source);
    if (!("error" in parsed)) return parsed;
    context.addIssue({ code: "custom", message: `is not a template: ${parsed.error}` });
    return z.NEVER;
  });
}
