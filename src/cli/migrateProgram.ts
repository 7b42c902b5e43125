import { type Command, Option } from "commander";
import { DEFAULT_PATH } from "../core/migration/storePath.ts";
import type { CommandContext, ExitCode } from "./context.ts";
import type { MigrateOptions } from "./migrate.ts";

type Exit = (code: ExitCode) => void;

/** `migrate …`: the commands are loaded when they are used. */
export function addMigrate(program: Command, context: CommandContext, exit: Exit): void {
  const migrate = program.command("migrate").description("move raw Secrets into a store, provably without a change");
  scoped(base(migrate.command("plan"), ["text", "json", "yaml"]))
    .description("list Secrets, who reads them, and the value paths that hold them; writes nothing")
    .action(async (secrets: string[], options: MigrateOptions) => {
      exit(await (await import("./migratePlan.ts")).migratePlanCommand(secrets, options, context));
    });
}

function base(command: Command, forms: readonly string[] = ["text", "json"]): Command {
  return command
    .requiredOption("-c, --config <path>", "configuration file, or a folder of them")
    .addOption(
      new Option("-o, --output <form>", "text for people, the others for programs").choices(forms).default("text"),
    )
    .option("-v, --verbose", "log what is done to standard error", false);
}

/** What to migrate, and where to. */
function scoped(command: Command): Command {
  return command
    .argument("[secret...]", "only these: NAMESPACE/NAME")
    .option("-n, --namespace <name...>", "Secrets of these namespaces")
    .option("-A, --all-namespaces", "Secrets of all namespaces", false)
    .option("-l, --selector <labels>", "Secrets with these labels, as in kubectl")
    .option("--cluster <context>", "context of the kubeconfig", "default")
    .option("--to <store>", "name of the SecretStore; default: the only one")
    .option("--path <template>", "where a Secret goes in the store", DEFAULT_PATH)
    .option("--mapping <file>", "paths of single Secrets, and where charts are found");
}
