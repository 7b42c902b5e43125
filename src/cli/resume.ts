import { NO_DIGEST } from "../core/digest.ts";
import { RESUMED, storeSubject } from "../daemon/storeAlarms.ts";
import { HelmwardenError } from "../errors.ts";
import type { CommandContext, ExitCode } from "./context.ts";
import { withApp } from "./openApp.ts";
import type { CommandOptions } from "./program.ts";

/** `resume STORE`: a person says that what vanished from a store is meant to be gone. The daemon hears it at its next poll. */
export async function resumeCommand(
  store: string,
  options: CommandOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { terminal, signal, surroundings } = context;
  return await withApp("plan", options, context, async (app): Promise<ExitCode> => {
    if (!app.config.stores.has(store)) {
      throw new HelmwardenError(
        "UsageInvalid",
        `There is no SecretStore named ${JSON.stringify(store)} in the configuration.`,
      );
    }
    const { cluster, clock, run } = await app.portsOf("default");
    const at = clock.now().toISOString();
    const record = { phase: "settled" as const, wanted: NO_DIGEST, revision: 0, outcome: RESUMED, run, at };
    await cluster.statuses.put(storeSubject(surroundings.namespace, store), record, signal);
    terminal.out(`Store ${store} is believed again from its next poll on.\n`);
    return 0;
  });
}
