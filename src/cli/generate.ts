import { generator, generatorOf } from "../config/generator.ts";
import { describeIssue } from "../config/schemaProblems.ts";
import type { Generator } from "../core/rotation/policy.ts";
import { HelmwardenError } from "../errors.ts";
import { openGenerate } from "../openGenerate.ts";
import type { Generate } from "../ports.ts";
import type { CommandContext, ExitCode } from "./context.ts";

/** Of WordPress' eight keys, the one that the others are named after. */
const KEY = "AUTH_KEY";
const PUBLIC = "PUBLIC";

/** Fields of one kind, as a RotationPolicy would write them. */
export type GeneratorFields = Readonly<Record<string, unknown>>;

/** `generate KIND`: one new value to standard output, with a line end on a terminal only, so that it can be piped. */
export async function generateCommand(
  kind: Generator["kind"],
  fields: GeneratorFields,
  { terminal }: CommandContext,
): Promise<ExitCode> {
  const spec = specOf(kind, fields);
  const generate = await openGenerate();
  const text = shown(spec, await generate(spec, KEY));
  const isTerminal = terminal.rows !== undefined;
  terminal.out(isTerminal && !text.endsWith("\n") ? `${text}\n` : text);
  return 0;
}

/** The words for what is wrong are those of the configuration. */
function specOf(kind: Generator["kind"], fields: GeneratorFields): Generator {
  const form = generator.options.find(({ shape }) => kind in shape);
  const result = form?.safeParse({ [kind]: fields }, { error: describeIssue });
  if (result?.success === true) return withPublicPart(generatorOf(result.data));
  const [issue] = result?.error.issues ?? [];
  throw new HelmwardenError(
    "UsageInvalid",
    `${aboutOf(kind, issue?.path ?? [])} ${issue?.message ?? "is unknown"}. See helmwarden generate ${kind} --help.`,
  );
}

/** What a person wrote that is wrong. */
function aboutOf(kind: string, [, field, name]: readonly PropertyKey[]): string {
  if (field === undefined) return `The kind ${kind}`;
  if (field === "text") return "The text";
  return field === "parts" && name !== undefined ? `--part ${String(name)}` : `--${String(field)}`;
}

function withPublicPart(spec: Generator): Generator {
  return spec.kind === "rsa" || spec.kind === "ed25519" ? { ...spec, publicKey: PUBLIC } : spec;
}

/** A key pair: the private part, then the public one. WordPress' salts: a line for each, with its name. */
function shown(spec: Generator, { value, beside }: Awaited<ReturnType<Generate>>): string {
  const all = [[KEY, value] as const, ...beside];
  if (spec.kind === "wordpressSalts") return all.map(([name, salt]) => `${name}=${salt.reveal()}`).join("\n");
  return all.map(([, one]) => one.reveal()).join("format" in spec && spec.format === "jwk" ? "\n" : "");
}
