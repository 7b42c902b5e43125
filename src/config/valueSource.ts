import * as z from "zod";
import type { ValueSource } from "../core/spec.ts";
import type { Template } from "../core/template.ts";
import { secretRef, template } from "./fields.ts";

export const PART_NAME = /^[A-Za-z][A-Za-z0-9_]{0,40}$/;

/**
 * A mapping to `fields` from one secret (`from: {store, path, key}`) or from several (`template`, and `from` with
 * a secret for each of its parts).
 */
export function mapping<Fields extends z.ZodRawShape>(fields: Fields) {
  const single = z.strictObject({ ...fields, from: secretRef().describe("The secret.") });
  const several = z
    .strictObject({
      ...fields,
      template: template().describe(
        "Text with parts: `postgres://app:${password|urlencode}@db/app`. Filters: urlencode, base64, base64url, json " +
          "(inside of a JSON string), lower, upper, trim. `$${` is the text `${`.",
      ),
      from: z
        .record(z.string().regex(PART_NAME), secretRef())
        .describe("With `template`: a secret for each part, by the part's name."),
    })
    .superRefine((entry, context) => {
      const { template: text, from } = entry as unknown as TemplateEntry;
      checkParts(text, from, { template: ["template"], parts: ["from"] }, context);
    });
  return z.union([single, several], "must be a map with the target and `from`");
}

/** What `mapping` parsed, as the program works with it. */
export function sourceOf(entry: Single | TemplateEntry): ValueSource {
  if (!("template" in entry)) return { kind: "ref", ref: entry.from };
  return { kind: "template", template: entry.template, parts: new Map(Object.entries(entry.from)) };
}

type Single = { readonly from: z.output<ReturnType<typeof secretRef>> };
type TemplateEntry = {
  readonly template: Template;
  readonly from: Readonly<Record<string, Single["from"]>>;
};

/** A template uses each of its parts, and no other. */
export function checkParts(
  { names }: Template,
  parts: Readonly<Record<string, unknown>>,
  at: { readonly template: string[]; readonly parts: string[] },
  context: z.RefinementCtx,
): void {
  for (const name of names.filter((used) => !Object.hasOwn(parts, used))) {
    const message = `uses the part ${name}, which \`${at.parts.at(-1)}\` does not give`;
    context.addIssue({ code: "custom", path: at.template, message });
  }
  for (const name of Object.keys(parts).filter((given) => !names.includes(given))) {
    context.addIssue({ code: "custom", path: [...at.parts, name], message: "is not used by the template" });
  }
}
