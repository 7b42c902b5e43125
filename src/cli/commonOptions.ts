import { type Command, Option } from "commander";

/** The options of every command that prints for people or for programs. */
export function common(command: Command): Command {
  return configured(command).addOption(
    new Option("-o, --output <form>", "text for people, json for programs").choices(["text", "json"]).default("text"),
  );
}

/** The options of every command that reads a configuration. */
export function configured(command: Command): Command {
  return command
    .requiredOption("-c, --config <path>", "configuration file, or a folder of them")
    .option("-v, --verbose", "log what is done to standard error", false);
}
