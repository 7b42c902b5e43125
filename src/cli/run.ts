import { createApp } from "../app.ts";
import { systemClock } from "../clock.ts";
import { loadConfig } from "../config/load.ts";
import { createLog } from "../log.ts";
import type { CommandContext, ExitCode } from "./context.ts";
import type { CommandOptions } from "./program.ts";

/** `run`: the background daemon, until SIGTERM. Its log goes to standard output, one JSON object a line. */
export async function runCommand(
  { config: path, verbose }: Pick<CommandOptions, "config" | "verbose">,
  { surroundings, terminal, signal }: CommandContext,
): Promise<ExitCode> {
  const config = await loadConfig(path, signal);
  const log = createLog(verbose ? "debug" : "info", { write: terminal.out });
  const { runDaemon } = await import("../daemon/runDaemon.ts");
  await runDaemon(
    {
      configPath: path,
      config,
      createApp: (changed, metrics, life) =>
        createApp(changed, "run", { ...surroundings, onHelm: (change) => metrics.helmRunning(change) }, log, life),
      namespace: surroundings.namespace,
      clock: systemClock,
      log,
    },
    signal,
  );
  return 0;
}
