import { exitCodeOf } from "../core/outcome.ts";
import { runPass } from "../operations/pass.ts";
import type { CommandContext, ExitCode } from "./context.ts";
import { withApp } from "./openApp.ts";
import type { CommandOptions } from "./program.ts";
import { createProgress } from "./progress.ts";
import { jsonResults, printResult, printSummary } from "./results.ts";
import { select, storesOf } from "./select.ts";
import { wrap } from "./style.ts";

/** `plan` and `sync`: one pass over all releases and Secrets of the configuration, or over the named ones. */
export async function passCommand(
  mode: "plan" | "sync",
  names: readonly string[],
  options: CommandOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { terminal, signal } = context;
  return await withApp(mode, options, context, async (app) => {
    const selection = select(app.config, names);
    const stores = await app.stores(storesOf(selection));
    const total = selection.releases.length + selection.secrets.length;
    const progress = createProgress(terminal, mode === "plan" ? "planned" : "synced", total);
    const { concurrency } = app.config.program.queue;
    const results = await runPass(
      { mode, ...selection, concurrency, stores, portsOf: app.portsOf },
      (result) => {
        progress.step();
        if (options.output === "text") progress.above(() => printResult(result, terminal));
      },
      signal,
    ).finally(progress.end);
    const keyless = await app.keyless().catch(() => false);
    if (options.output === "json") terminal.out(jsonResults(mode, results, keyless));
    else {
      if (keyless) terminal.out(`${wrap(keylessNote(app.config.program.auditFile), terminal.columns, "")}\n\n`);
      printSummary(mode, results, terminal);
    }
    return exitCodeOf(results.map(({ outcome }) => outcome));
  });
}

function keylessNote(auditFile: string): string {
  return `There is no digest key here yet (${auditFile}.key, or \`digestKey\` in the configuration): the digests are of this run only, and whether a value is the recorded one could not be compared.`;
}
