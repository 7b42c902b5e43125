import { type Command, InvalidArgumentError, Option } from "commander";
import type { Generator } from "../core/rotation/policy.ts";
import type { CommandContext, ExitCode } from "./context.ts";
import type { GeneratorFields } from "./generate.ts";

type Exit = (code: ExitCode) => void;

const AFTER_GENERATE = `
Examples:
  $ helmwarden generate password
  $ helmwarden generate password --length 40 --classes lower=1,digit=2,symbol=2
  $ helmwarden generate hex --bytes 16
  $ helmwarden generate rsa --bits 4096 --format jwk
  $ helmwarden generate template 'hw_\${id}.\${key}' --part id=uuid --part key=hex
  $ helmwarden generate password | vault kv put secret/apps/web DB_PASSWORD=-

The value goes to standard output and nowhere else; a line end follows it on a
terminal only. A pipe into the store keeps it off the screen.
`;

/** `generate KIND`: the kinds are those of a RotationPolicy's `generate`, and so are their options. */
export function addGenerate(program: Command, context: CommandContext, exit: Exit): void {
  const generate = program
    .command("generate")
    .description("print one new value: a password, a key, salts")
    .addHelpText("after", AFTER_GENERATE);
  const run = async (kind: Generator["kind"], fields: GeneratorFields): Promise<void> => {
    exit(await (await import("./generate.ts")).generateCommand(kind, fields, context));
  };
  const kind = (name: Generator["kind"], description: string): Command =>
    generate
      .command(name)
      .description(description)
      .action(async (options: GeneratorFields) => await run(name, options));
  bytes(kind("hex", "random bytes as hexadecimal digits"));
  bytes(kind("base64", "random bytes as base64, with padding"));
  bytes(kind("base64url", "random bytes as base64url, without padding"));
  kind("password", "a password; every one that fits is equally probable")
    .addOption(count("--length <characters>", "how long; 32 unless given"))
    .addOption(
      new Option("--classes <list>", "how many of each at least; default lower=1,upper=1,digit=1").argParser(classesOf),
    )
    .option("--symbols <characters>", "the characters of the class symbol; default -._~")
    .option("--exclude <characters>", "characters that do not occur");
  kind("uuid", "a random UUID (version 4)");
  kind("jwtSecret", "a shared key for JSON Web Tokens, as base64url").option(
    "--algorithm <name>",
    "HS256, HS384 or HS512",
  );
  format(kind("rsa", "an RSA key pair: the private part, then the public one")).addOption(
    count("--bits <size>", "2048, 3072 or 4096; 3072 unless given"),
  );
  format(kind("ed25519", "an Ed25519 key pair: the private part, then the public one"));
  kind("wordpressSalts", "WordPress' eight keys and salts, a line each");
  generate
    .command("template")
    .description("several generated parts in one text")
    .argument("<text>", "text with parts: 'hw_${id}.${key|upper}'")
    .addOption(
      new Option("--part <name=kind>", "what makes a part, by its defaults; once for each")
        .argParser(partOf)
        .default({}),
    )
    .action(async (text: string, { part }: { readonly part: GeneratorFields }) => {
      await run("template", { text, parts: part });
    });
}

function bytes(command: Command): Command {
  return command.addOption(count("--bytes <count>", "random bytes, before they are encoded; 32 unless given"));
}

function format(command: Command): Command {
  return command.option("--format <name>", "pem (PKCS #8, SPKI) or jwk; pem unless given");
}

function count(flags: string, description: string): Option {
  return new Option(flags, description).argParser(wholeNumber);
}

function wholeNumber(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number.");
}

function classesOf(list: string): Record<string, number> {
  const classes = list.split(",").map((entry): [string, number] => {
    const [, name = "", least = ""] = /^(lower|upper|digit|symbol)(?:=(\d{1,4}))?$/.exec(entry.trim()) ?? [];
    if (name === "") throw new InvalidArgumentError("It must be a list such as lower=1,digit=2,symbol.");
    return [name, Number(least)];
  });
  return Object.fromEntries(classes);
}

function partOf(text: string, earlier: GeneratorFields): GeneratorFields {
  const [, name = "", kind = ""] = /^([A-Za-z]\w*)=(\w+)$/.exec(text) ?? [];
  if (name === "") throw new InvalidArgumentError("It must be NAME=KIND, such as key=hex.");
  return { ...earlier, [name]: { [kind]: {} } };
}
