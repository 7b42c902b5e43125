import { Command, CommanderError, Option } from "commander";
import { type HelmwardenError, toHelmwardenError } from "../errors.ts";
import type { CommandContext, ExitCode } from "./context.ts";
import type { RbacOptions } from "./rbac.ts";
import { common, configured } from "./commonOptions.ts";
import { addGenerate } from "./generateProgram.ts";
import { addBackup, addMigrate } from "./migrateProgram.ts";
import { addRotation } from "./rotateProgram.ts";
import type { StatusOptions } from "./status.ts";
import { VERSION } from "../version.ts";

/** Options that several commands take, as commander hands them over. */
export interface CommandOptions {
  readonly config: string;
  readonly output: "text" | "json";
  readonly verbose: boolean;
}

const AFTER_HELP = `
Examples:
  $ helmwarden check -c config.yaml            is everything in place?
  $ helmwarden plan -c config.yaml             what would change, and what is held
  $ helmwarden sync -c config.yaml             bring the values into the releases
  $ helmwarden sync -c config.yaml blog/wordpress
  $ helmwarden xray -c config.yaml wordpress   what each mapped value reaches
  $ helmwarden run -c config.yaml              keep them in step from now on
  $ helmwarden status -w -c config.yaml        what the daemon does, live
  $ helmwarden rotation status -c config.yaml  how old is what, and what is due
  $ helmwarden rotate -c config.yaml db --now --reason "leak"
  $ helmwarden generate password               a new value, for a person
  $ helmwarden rbac -c config.yaml             the Roles that this needs
  $ helmwarden migrate plan -c config.yaml -n web
  $ helmwarden schema > helmwarden.schema.json

Exit codes: 0 in sync, 1 a fault, 2 changes pending or held (plan, sync),
64 wrong usage, 78 wrong configuration.
`;

/** Runs one command line; the promise gives its exit code and never rejects. */
export async function runProgram(argv: readonly string[], context: CommandContext): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const program = createProgram(context, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (caught) {
    if (caught instanceof CommanderError) return caught.exitCode === 0 ? 0 : 64;
    const error = toHelmwardenError(caught);
    context.terminal.err(`helmwarden: ${error.message}\n`);
    return exitCodeFor(error);
  }
}

function exitCodeFor(error: HelmwardenError): ExitCode {
  if (error.code === "ConfigInvalid") return 78;
  return error.code === "UsageInvalid" ? 64 : 1;
}

function createProgram(context: CommandContext, exit: Exit): Command {
  const { terminal } = context;
  const program = new Command("helmwarden")
    .description("Keeps the secrets inside Helm releases in step with Vault and Infisical.")
    .version(VERSION)
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .configureHelp({ helpWidth: terminal.columns })
    .showHelpAfterError("Run helmwarden --help for the commands and examples.")
    .addHelpText("after", AFTER_HELP);
  addPasses(program, context, exit);
  addViews(program, context, exit);
  addRotation(program, context, exit);
  addGenerate(program, context, exit);
  addMigrate(program, context, exit);
  addBackup(program, context, exit);
  return program;
}

type Exit = (code: ExitCode) => void;

/** What changes something, or would. */
function addPasses(program: Command, context: CommandContext, exit: Exit): void {
  common(program.command("plan"))
    .description("show what sync would change, by path and digest, and what is held; writes nothing")
    .argument("[release...]", "only these: NAME or NAMESPACE/NAME of a release or Secret")
    .action(async (names: string[], options: CommandOptions) => {
      exit(await (await import("./pass.ts")).passCommand("plan", names, options, context));
    });
  common(program.command("sync"))
    .description("bring the wanted values into the releases and Secrets, and prove it")
    .argument("[release...]", "only these: NAME or NAMESPACE/NAME of a release or Secret")
    .action(async (names: string[], options: CommandOptions) => {
      exit(await (await import("./pass.ts")).passCommand("sync", names, options, context));
    });
  common(program.command("run"))
    .description("run as a daemon: poll the stores, watch the releases, and keep both in step")
    .action(async (options: CommandOptions) => {
      exit(await (await import("./run.ts")).runCommand(options, context));
    });
  common(program.command("resume"))
    .description("tell the daemon that what vanished from a store is meant to be gone")
    .argument("<store>", "name of the SecretStore")
    .action(async (store: string, options: CommandOptions) => {
      exit(await (await import("./resume.ts")).resumeCommand(store, options, context));
    });
}

/** What only looks. */
function addViews(program: Command, context: CommandContext, exit: Exit): void {
  common(program.command("status"))
    .description("show what the daemon knows of stores, releases, queue and watches")
    .option("-w, --watch", "until it is interrupted, drawn in place", false)
    .option("--url <url>", "where the daemon is; default: this machine, at the configured port")
    .option("--token-file <file>", "file with the token; default: `http.token` of the configuration")
    .action(async (options: StatusOptions) => {
      exit(await (await import("./status.ts")).statusCommand(options, context));
    });
  common(program.command("check"))
    .description("check configuration, stores, helm, cluster and permissions, one line each")
    .action(async (options: CommandOptions) => {
      exit(await (await import("./check.ts")).checkCommand(options, context));
    });
  common(program.command("xray"))
    .description("draw what each mapped value of a release reaches, and what restarts; writes nothing")
    .argument("<release>", "NAME or NAMESPACE/NAME")
    .action(async (name: string, options: CommandOptions) => {
      exit(await (await import("./xray.ts")).xrayCommand(name, options, context));
    });
  addRbac(program, context, exit);
  program
    .command("schema")
    .description("print the JSON Schema of the configuration")
    .action(async () => {
      const { jsonSchema } = await import("../config/jsonSchema.ts");
      context.terminal.out(`${JSON.stringify(jsonSchema(), undefined, 2)}\n`);
    });
}

function addRbac(program: Command, context: CommandContext, exit: Exit): void {
  configured(program.command("rbac"))
    .description("print the Roles that exactly this configuration needs; writes nothing")
    .addOption(
      new Option("-o, --output <form>", "yaml, json, or values for helmwarden's own chart")
        .choices(["yaml", "json", "values"])
        .default("yaml"),
    )
    .option("--cluster <name>", "which cluster's Roles", "default")
    .option("--create", "also let helm make objects of the charts' kinds that are not there yet", false)
    .option("--service-account <account>", "print bindings to this account (NAMESPACE/NAME) as well")
    .action(async (options: RbacOptions) => {
      exit(await (await import("./rbac.ts")).rbacCommand(options, context));
    });
}
