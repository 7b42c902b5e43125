import { join } from "node:path";
import { openMigrationFiles } from "../app.ts";
import { countKeys, type MigrationState, stateOf } from "../core/migration/journal.ts";
import type { CommandContext, ExitCode } from "./context.ts";
import type { RollbackOptions } from "./migrateRollback.ts";
import { JOURNAL, requestIn } from "./migrationFolder.ts";

/** `migrate status`: what the journal says, by step. */
export async function migrateStatusCommand(
  { dir, output }: Pick<RollbackOptions, "dir" | "output">,
  { terminal }: CommandContext,
): Promise<ExitCode> {
  const files = await openMigrationFiles();
  const journal = await files.openJournal(join(dir, JOURNAL), "read");
  await journal.close();
  const request = requestIn(journal, dir);
  const state = stateOf(journal.entries);
  const { backup, items } = state;
  const keys = countKeys(state);
  const stages = Object.fromEntries(state.stages);
  if (output === "json") {
    const shown = { command: "migrate status", request, backup, paths: items.size, keys, stages };
    terminal.out(`${JSON.stringify(shown, undefined, 2)}\n`);
    return 0;
  }
  const everything = request.from === undefined ? "all namespaces" : `what is read from ${request.from}`;
  const scope = request.namespaces.length === 0 ? everything : request.namespaces.join(", ");
  terminal.out(`migration of ${scope} into ${request.store}\n`);
  terminal.out(
    `  backup    ${backup === undefined ? (request.from === undefined ? "not yet" : `none: ${request.from} keeps what it has`) : `${backup.file}, ${backup.secrets} Secrets, ${backup.at}`}\n`,
  );
  const counts = Object.entries(keys).filter(([, count]) => count > 0);
  terminal.out(`  keys      ${counts.map(([word, count]) => `${count} ${word}`).join(", ")}\n`);
  for (const [name, { at, ok }] of state.stages) {
    terminal.out(`  ${name.padEnd(9)} ${ok ? "done" : "found differences"}, ${at}\n`);
  }
  terminal.out(`${nextStep(state)}\n`);
  return 0;
}

function nextStep({ stages, deleted }: MigrationState): string {
  if (stages.has("cleanup")) return "The backup is gone; there is nothing to roll back from.";
  if (stages.has("cutover") && !stages.has("rollback")) {
    return `Cut over since ${stages.get("cutover")?.at}, ${deleted.size} raw Secrets deleted. \`migrate cutover\` shows who reads the others.`;
  }
  if (stages.has("rollback")) return "Rolled back. `migrate resume` would import again.";
  if (stages.get("plan")?.ok === true && stages.get("verify")?.ok === true) {
    return "Proven. Use the generated documents; `migrate verify` proves it again, `migrate rollback` takes it back.";
  }
  return "Not proven yet. `migrate resume` goes on.";
}
