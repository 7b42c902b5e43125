import { type Command, Option } from "commander";
import { DEFAULT_PATH } from "../core/migration/storePath.ts";
import type { CommandContext, ExitCode } from "./context.ts";
import type { MigrateOptions } from "./migrate.ts";
import type { RestoreOptions } from "./backupRestore.ts";
import type { CleanupOptions } from "./migrateCleanup.ts";
import type { CutoverOptions } from "./migrateCutover.ts";
import type { RollbackOptions } from "./migrateRollback.ts";
import type { RunOptions } from "./migrateRun.ts";

type Exit = (code: ExitCode) => void;

/** `migrate …`: the commands are loaded when they are used. */
export function addMigrate(program: Command, context: CommandContext, exit: Exit): void {
  const migrate = program.command("migrate").description("move raw Secrets into a store, provably without a change");
  scoped(base(migrate.command("plan"), ["text", "json", "yaml"]))
    .description("list Secrets, who reads them, and the value paths that hold them; writes nothing")
    .action(async (secrets: string[], options: MigrateOptions) => {
      exit(await (await import("./migratePlan.ts")).migratePlanCommand(secrets, options, context));
    });
  locked(scoped(base(migrate.command("run"))))
    .description("back up, import, verify, generate the configuration, and prove that to use it changes nothing")
    .option("--dry-run", "show the plan and write nothing", false)
    .option(
      "--rotate <duration>",
      "generate a RotationPolicy, commented out, for each key that looks like a credential",
    )
    .action(async (secrets: string[], options: RunOptions) => {
      exit(await (await import("./migrateRun.ts")).migrateRunCommand(secrets, options, context));
    });
  locked(base(migrate.command("resume")))
    .description("go on with a migration that did not end")
    .option("--dry-run", "show what is still to be done and write nothing", false)
    .action(async (options: RunOptions) => {
      exit(await (await import("./migrateRun.ts")).migrateResumeCommand("resume", options, context));
    });
  inFolder(base(migrate.command("verify")))
    .description("read everything back and compare, and plan over what was generated; imports nothing")
    .action(async (options: RunOptions) => {
      exit(await (await import("./migrateRun.ts")).migrateResumeCommand("verify", options, context));
    });
  form(inFolder(migrate.command("status")))
    .description("show how far a migration is")
    .action(async (options: RollbackOptions) => {
      exit(await (await import("./migrateStatus.ts")).migrateStatusCommand(options, context));
    });
  careful(inFolder(base(migrate.command("cutover"))))
    .description("watch who still reads the originals, and take away what is not needed any more, each if told")
    .option("--strip-values <file...>", "take migrated literals out of these values files")
    .option("--release <name>", "the release of these files: NAMESPACE/NAME; default: the only one")
    .option("--hand-over", "become an owner of the keys of Secrets that a SecretSync is about", false)
    .option("--delete-unread", "delete raw Secrets that nothing reads, once the shadow period is over", false)
    .option("--shadow <duration>", "how long the originals are kept and watched", "7d")
    .option("--audit-log <file...>", "audit log of the API server, to see who reads the originals")
    .action(async (options: CutoverOptions) => {
      exit(await (await import("./migrateCutover.ts")).migrateCutoverCommand(options, context));
    });
  careful(inFolder(base(migrate.command("rollback"))))
    .description("take out of the store what a migration put there; the cluster was never changed")
    .action(async (options: RollbackOptions) => {
      exit(await (await import("./migrateRollback.ts")).migrateRollbackCommand(options, context));
    });
  careful(form(inFolder(migrate.command("cleanup"))))
    .description("remove the backup when its time is over, and its key if told")
    .option("--retention <duration>", "how long the backup is kept", "30d")
    .option("--destroy-key <file>", "remove this key as well: no copy of the backup can be opened any more")
    .action(async (options: CleanupOptions) => {
      exit(await (await import("./migrateCleanup.ts")).migrateCleanupCommand(options, context));
    });
}

/** `backup …`: what a migration has kept. */
export function addBackup(program: Command, context: CommandContext, exit: Exit): void {
  const backup = program.command("backup").description("put back what a migration has backed up");
  careful(base(backup.command("restore")))
    .description("put Secrets back as they were; what is newer in the cluster stays, unless told")
    .argument("<file>", "the backup")
    .argument("[secret...]", "only these: NAMESPACE/NAME")
    .option("--cluster <context>", "context of the kubeconfig", "default")
    .option("--identity <file>", "age key that opens it")
    .option("--passphrase-file <file>", "file with the passphrase that opens it")
    .option("--overwrite", "replace what is newer in the cluster", false)
    .action(async (file: string, secrets: string[], options: RestoreOptions) => {
      exit(await (await import("./backupRestore.ts")).backupRestoreCommand(file, secrets, options, context));
    });
}

function base(command: Command, forms: readonly string[] = ["text", "json"]): Command {
  return form(command, forms)
    .requiredOption("-c, --config <path>", "configuration file, or a folder of them")
    .option("-v, --verbose", "log what is done to standard error", false);
}

function form(command: Command, forms: readonly string[] = ["text", "json"]): Command {
  return command.addOption(
    new Option("-o, --output <form>", "text for people, the others for programs").choices(forms).default("text"),
  );
}

function careful(command: Command): Command {
  return command
    .option("-y, --yes", "do not ask", false)
    .option("--dry-run", "show what would be done and write nothing", false);
}

/** What to migrate, and where to. */
function scoped(command: Command): Command {
  return command
    .argument("[secret...]", "only these: NAMESPACE/NAME")
    .option("-n, --namespace <name...>", "Secrets of these namespaces")
    .option("-A, --all-namespaces", "Secrets of all namespaces", false)
    .option("-l, --selector <labels>", "Secrets with these labels, as in kubectl")
    .option("--cluster <context>", "context of the kubeconfig", "default")
    .option("--from <store>", "copy what the configuration reads from this store, instead of Secrets")
    .option("--store-path <path...>", "with --from: these paths as well; apps/** is all below apps, ** the whole store")
    .option("--to <store>", "name of the SecretStore; default: the only one")
    .option("--path <template>", "where a Secret goes in the store", DEFAULT_PATH)
    .option("--mapping <file>", "paths of single Secrets, and where charts are found");
}

function inFolder(command: Command): Command {
  return command.option("--dir <folder>", "journal, backup and generated files", "helmwarden-migration");
}

/** Who may open the backup. */
function locked(command: Command): Command {
  return inFolder(command)
    .option("--recipient <age1...>", "encrypt the backup for these age recipients")
    .option("--new-key <file>", "encrypt the backup for a new key, and put that into this file")
    .option("--passphrase-file <file>", "encrypt the backup with the passphrase in this file")
    .option("-y, --yes", "do not ask", false);
}
