import { type Command, InvalidArgumentError, Option } from "commander";
import type { CommandContext, ExitCode } from "./context.ts";
import { common, configured } from "./commonOptions.ts";
import type { RotateOptions } from "./rotate.ts";
import type { RotationStatusOptions } from "./rotationStatus.ts";

const AFTER_ROTATE = `
Examples:
  $ helmwarden rotate -c config.yaml matomo-db --dry-run
  $ helmwarden rotate -c config.yaml matomo-db --now --reason "left the company"
  $ helmwarden rotate -c config.yaml --all --store vault --now --reason "leak"

The old value goes only once every pod that reads it runs with the new one; the
daemon goes on waiting where this command stops.

Exit codes: 0 rotated or not due, 1 failed or rolled back, 2 refused, or the old
value still works.
`;

/** The commands around rotation. */
export function addRotation(program: Command, context: CommandContext, exit: (code: ExitCode) => void): void {
  common(program.command("rotate"))
    .description("make a new value, teach it to the database first, then to the releases")
    .argument("[policy...]", "NAME or NAMESPACE/NAME of a RotationPolicy")
    .option("--now", "though it is not due, and outside of its window", false)
    .option("--reason <text>", "why; goes into the audit log")
    .option("--all", "all policies, in waves: the first must be well before the next", false)
    .option("--store <name>", "with --all: only secrets of this store")
    .option("--dry-run", "show each step and what stands in its way; writes nothing", false)
    .addOption(
      new Option("--wait <seconds>", "how long to wait for the pods to take it").default(600).argParser(seconds),
    )
    .addHelpText("after", AFTER_ROTATE)
    .action(async (names: string[], options: RotateOptions) => {
      exit(await (await import("./rotate.ts")).rotateCommand(names, options, context));
    });
  const rotation = program.command("rotation").description("look at what is rotated, and when");
  configured(rotation.command("status"))
    .description("list each policy: secret, owner, age, when it is due, and its state")
    .argument("[policy...]", "only these: NAME or NAMESPACE/NAME")
    .option("--store <name>", "only secrets of this store")
    .addOption(
      new Option("-o, --output <form>", "table for people; ics is a calendar file")
        .choices(["table", "json", "csv", "ics"])
        .default("table"),
    )
    .action(async (names: string[], options: RotationStatusOptions) => {
      exit(await (await import("./rotationStatus.ts")).rotationStatusCommand(names, options, context));
    });
}

function seconds(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number of seconds.");
}
